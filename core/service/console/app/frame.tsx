import { type ReactElement, useEffect, useRef } from 'react';
import { zoneName } from '../parts/moment.tsx';
import { pageOf, places } from './places.tsx';
import { hrefOf, useRoute } from './route.ts';
import { useSession } from './session.ts';

/** What stands around every page: the way to the others, who is signed in, the page itself. */
export function Frame({ onLeave }: { readonly onLeave: () => Promise<void> }): ReactElement {
  const { me, client } = useSession();
  const route = useRoute();
  const main = useRef<HTMLElement>(null);
  const place = route.parts.join('/');
  const here = route.parts[0] ?? '';
  const name = places.find(({ path }) => path === here)?.name ?? 'Not found';
  // What a tab or a bookmark shows: the run, the step or the question before the page that has them.
  const title = [...route.parts.slice(1).slice(-1), name].join(' · ');
  const isFirst = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another place is read from its beginning
  useEffect(() => {
    document.title = `${title} · Tutti`;
    if (!isFirst.current) main.current?.focus();
    isFirst.current = false;
    window.scrollTo(0, 0);
  }, [place, title]);
  return (
    <div className="frame">
      <header>
        <a className="brand" href={hrefOf([])}>
          Tutti
        </a>
        <nav aria-label="Pages">
          {places.map(({ path, name }) => (
            <a
              key={path}
              href={hrefOf(path === '' ? [] : [path])}
              aria-current={path === here ? 'page' : undefined}
            >
              {name}
            </a>
          ))}
        </nav>
        <div className="who">
          <span title={me.roles.join(', ')}>
            {me.person ?? me.actor.id}
            {me.tenant !== null && <span className="soft"> · {me.tenant}</span>}
          </span>
          <button type="button" className="button" onClick={onLeave}>
            {client.hasSession ? 'Sign out' : 'Sign in'}
          </button>
        </div>
      </header>
      <main ref={main} tabIndex={-1} key={place}>
        {pageOf(route)}
      </main>
      <footer className="soft">Times are those of {zoneName()}; hovering shows them in UTC.</footer>
    </div>
  );
}
