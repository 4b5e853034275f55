import { Html } from './html.ts';

/** The console's icon (`core/service/console/icon.svg`), for pages that come without files of their own. */
const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><title>Tutti</title><rect width="32" height="32" rx="7" fill="#2f6690"/><path d="M8 9.5h16M16 9.5V24" fill="none" stroke="#fff" stroke-width="3.5" stroke-linecap="round"/><circle cx="9.5" cy="21" r="2.4" fill="#fff"/><circle cx="22.5" cy="21" r="2.4" fill="#fff"/></svg>';

/** What a page's head says of its icon: a browser that finds nothing there asks for /favicon.ico. A page's policy must allow `img-src data:`. */
export const iconLink = new Html(
  `<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(icon)}">`,
);
