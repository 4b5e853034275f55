import type { ReactElement } from 'react';
import { wordsText } from './text-of.ts';

/** One of several, by which a list is narrowed. */
export function Choice({
  label,
  value,
  options,
  any,
  onChoose,
}: {
  readonly label: string;
  readonly value: string;
  readonly options: readonly string[];
  /** What choosing none of them is called. @default one of them must be chosen */
  readonly any?: string;
  readonly onChoose: (value: string) => void;
}): ReactElement {
  return (
    <label className="field">
      <span>{label}</span>
      <select value={value} onChange={({ target }) => onChoose(target.value)}>
        {any !== undefined && <option value="">{any}</option>}
        {options.map((option) => (
          <option key={option} value={option}>
            {wordsText(option)}
          </option>
        ))}
      </select>
    </label>
  );
}
