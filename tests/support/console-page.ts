import assert from 'node:assert/strict';
import { Browser, type BrowserPage, type Element } from 'happy-dom';
import { eventually } from './eventually.ts';

/** A reader's browser with the console in it: the real page, from a real server, without a picture. */
export interface ConsolePage extends AsyncDisposable {
  /** What stands on the page. */
  text(): string;
  /** Every element that a selector finds. */
  all(selector: string): readonly Element[];
  /** Goes to a place of the console: `runs`. */
  go(place: string): Promise<void>;
  /** Loads the page again where the reader is. */
  reload(): Promise<void>;
  /** Waits until the page says something. */
  says(text: string): Promise<void>;
  /** Presses the first button or link of this name within an element that a selector finds (default: the page). */
  press(name: string, within?: string): Promise<void>;
  /** Writes into a field. */
  write(selector: string, text: string): Promise<void>;
  /** A value of the page's own world. */
  value(name: string): unknown;
}

/** Opens the console of a server at a place. */
export async function openConsolePage(url: string, place = ''): Promise<ConsolePage> {
  const browser = new Browser({
    settings: {
      enableJavaScriptEvaluation: true,
      suppressInsecureJavaScriptEnvironmentWarning: true,
      disableCSSFileLoading: true,
      handleDisabledFileLoadingAsSuccess: true,
    },
  });
  const page: BrowserPage = browser.newPage();
  const document = () => page.mainFrame.document;
  const all = (selector: string): readonly Element[] => [...document().querySelectorAll(selector)];
  const text = (): string => document().body.textContent ?? '';
  const load = async (): Promise<void> => {
    await page.goto(`${url}/console/#/${place}`);
  };
  const find = (selector: string, claim: (element: Element) => boolean = () => true) =>
    eventually(() => all(selector).find(claim));
  await load();
  return {
    text,
    all,
    async go(next) {
      place = next;
      page.mainFrame.window.location.hash = `#/${next}`;
    },
    reload: load,
    async says(part) {
      await eventually(() => text().includes(part)).catch((error: unknown) => {
        assert.fail(`${String(error)}: '${part}' in: ${text()}`);
      });
    },
    async press(name, within = 'body') {
      const named = (element: Element): boolean =>
        element.textContent.trim() === name && !element.hasAttribute('disabled');
      const pressed = await find(`${within} :is(button, a)`, named);
      pressed.dispatchEvent(new page.mainFrame.window.MouseEvent('click', { bubbles: true }));
    },
    async write(selector, typed) {
      const field = (await find(selector)) as Element & { value: string };
      const { window } = page.mainFrame;
      const isArea = field.tagName === 'TEXTAREA';
      const kind = isArea ? window.HTMLTextAreaElement : window.HTMLInputElement;
      // React hears of a change by the setter of the prototype, past its own.
      Object.getOwnPropertyDescriptor(kind.prototype, 'value')?.set?.call(field, typed);
      field.dispatchEvent(new window.Event('input', { bubbles: true }));
    },
    value: (name) => (page.mainFrame.window as unknown as Record<string, unknown>)[name],
    async [Symbol.asyncDispose]() {
      await browser.close();
    },
  };
}

/** Opens the console at a place and signs in with a key. */
export async function signIntoConsole(
  url: string,
  { key, place }: { readonly key: string; readonly place: string },
): Promise<ConsolePage> {
  const page = await openConsolePage(url, place);
  await page.says('Sign in with an API key');
  await page.write('#key', key);
  await page.press('Sign in', 'form');
  await page.says('Sign out');
  return page;
}
