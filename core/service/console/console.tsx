import { createRoot } from 'react-dom/client';
import { Client } from './api/client.ts';
import { App } from './app/app.tsx';

const place = document.getElementById('console');
if (place) createRoot(place).render(<App client={new Client()} />);
