import { type ReactElement, type ReactNode, useId, useRef } from 'react';
import type { Change } from '../app/use-change.ts';
import { useChange } from '../app/use-change.ts';
import { ProblemNote } from './problem-note.tsx';

/** A button whose work is done only after a second word. */
export function ConfirmButton({
  name,
  about,
  children,
  said,
  isGrave = false,
  isReady = true,
  work,
}: {
  readonly name: string;
  /** What it is for, where a page has several of one name: read aloud behind it. */
  readonly about?: string;
  /** What will happen, and whatever is to be filled in for it. */
  readonly children: ReactNode;
  /** What is told once it was done. */
  readonly said: string;
  /** Whether it cannot be taken back. */
  readonly isGrave?: boolean;
  /** Whether what it takes has been filled in. */
  readonly isReady?: boolean;
  readonly work: () => Promise<unknown>;
}): ReactElement {
  const dialog = useRef<HTMLDialogElement>(null);
  const title = useId();
  const change: Change = useChange();
  const confirm = async (): Promise<void> => {
    if (await change.run(work, said)) dialog.current?.close();
  };
  const open = (): void => {
    change.forget();
    dialog.current?.showModal();
  };
  return (
    <>
      <button
        type="button"
        className={`button ${isGrave ? 'grave' : ''}`}
        aria-label={about && `${name}: ${about}`}
        onClick={open}
      >
        {name}
      </button>
      <dialog ref={dialog} aria-labelledby={title}>
        <h2 id={title}>{name}?</h2>
        <div>{children}</div>
        {change.problem && <ProblemNote problem={change.problem} />}
        <div className="buttons">
          <button type="button" className="button" onClick={() => dialog.current?.close()}>
            Leave it
          </button>
          <button
            type="button"
            className={`button ${isGrave ? 'grave' : 'primary'}`}
            disabled={change.isBusy || !isReady}
            onClick={confirm}
          >
            {change.isBusy ? 'Asking…' : name}
          </button>
        </div>
      </dialog>
    </>
  );
}
