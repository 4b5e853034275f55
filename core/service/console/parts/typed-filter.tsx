import { type ReactElement, useState } from 'react';

/** A word, or a day, by which a list is narrowed once it is complete. */
export function TypedFilter({
  label,
  value,
  type = 'text',
  onType,
}: {
  readonly label: string;
  readonly value: string;
  readonly type?: 'text' | 'date';
  readonly onType: (value: string) => void;
}): ReactElement {
  const [typed, setTyped] = useState(value);
  const say = (): void => {
    if (typed.trim() !== value) onType(typed.trim());
  };
  return (
    <label className="field">
      <span>{label}</span>
      <input
        type={type}
        value={typed}
        onChange={({ target }) => setTyped(target.value)}
        onBlur={say}
        onKeyDown={({ key }) => key === 'Enter' && say()}
      />
    </label>
  );
}
