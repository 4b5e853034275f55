import { type ChangeEvent, type ReactElement, useId, useState } from 'react';

/** A word, or a day, by which a list is narrowed once it is complete, or chosen of what is offered. */
export function TypedFilter({
  label,
  value,
  type = 'text',
  offered = [],
  onType,
}: {
  readonly label: string;
  readonly value: string;
  readonly type?: 'text' | 'date';
  /** Words that the list has, in any order and as often as it has them. */
  readonly offered?: readonly (string | null)[];
  readonly onType: (value: string) => void;
}): ReactElement {
  const [typed, setTyped] = useState(value);
  const id = useId();
  const words = [...new Set(offered)].filter((word) => word !== null).sort();
  const say = (word: string): void => {
    if (word.trim() !== value) onType(word.trim());
  };
  const change = ({ target, nativeEvent }: ChangeEvent<HTMLInputElement>): void => {
    setTyped(target.value);
    // Who chooses from the words on offer has said all of it; browsers tell it as a replacement, or as no typing at all.
    const isTyped =
      nativeEvent instanceof InputEvent && nativeEvent.inputType !== 'insertReplacementText';
    if (!isTyped && words.includes(target.value)) say(target.value);
  };
  return (
    <label className="field">
      <span>{label}</span>
      <input
        type={type}
        value={typed}
        list={words.length > 0 ? id : undefined}
        onChange={change}
        onBlur={() => say(typed)}
        onKeyDown={({ key }) => key === 'Enter' && say(typed)}
      />
      {words.length > 0 && (
        <datalist id={id}>
          {words.map((word) => (
            <option key={word} value={word} />
          ))}
        </datalist>
      )}
    </label>
  );
}
