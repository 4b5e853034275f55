import type { Severity } from '../../../sdk/severity.ts';
import { type Html, html } from './html.ts';

/** The shapes of the severity marks, defined once a page: told apart without colour, on paper too. */
export const markShapes: Html = html`<svg width="0" height="0" aria-hidden="true" focusable="false"><defs>
<symbol id="mark-critical" viewBox="0 0 12 12"><path d="M6 0 12 6 6 12 0 6Z"/></symbol>
<symbol id="mark-high" viewBox="0 0 12 12"><path d="M6 .8 11.6 11H.4Z"/></symbol>
<symbol id="mark-medium" viewBox="0 0 12 12"><circle cx="6" cy="6" r="4.6"/></symbol>
<symbol id="mark-low" viewBox="0 0 12 12"><circle cx="6" cy="6" r="3.8" fill="none" stroke="currentColor" stroke-width="1.6"/></symbol>
</defs></svg>`;

/** A severity's mark and its word. */
export function severityMark(severity: string): Html {
  return html`<span class="severity ${severity}"><svg class="mark" aria-hidden="true"><use href="#mark-${severity}"/></svg>${severity}</span>`;
}

/** Heading of a severity's column. */
export function severityHead(severity: Severity): Html {
  return html`<th scope="col" class="number">${severityMark(severity)}</th>`;
}

/** A module's colour as a small square before its name. */
export function moduleMark(color: number): Html {
  return html`<span class="swatch m${color}"></span>`;
}
