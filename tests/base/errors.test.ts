import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import {
  assertNever,
  EngineError,
  errorCodes,
  errorRow,
  fromErrorData,
  isEngineError,
  toErrorData,
} from '../../core/base/errors.ts';
import { verifies } from '../support/verifies.ts';

describe('the error catalogue', () => {
  it('answers every code with a status of failure', () => {
    assert.ok(errorCodes.length > 30);
    for (const code of errorCodes) {
      assert.match(code, /^[A-Z]+(_[A-Z]+)*$/);
      const { status } = errorRow(code);
      assert.ok(status >= 400 && status <= 599, `${code} answers ${status}`);
    }
  });

  it('gives every code a category, a severity and whether to try again', () => {
    verifies('R8.classify');
    for (const code of errorCodes) {
      const { category, severity, retryable } = errorRow(code);
      assert.match(category, /^[A-Z]+_ERROR$/, code);
      assert.match(severity, /^(low|medium|high|critical)$/, code);
      assert.equal(typeof retryable, 'boolean', code);
    }
  });

  it('asks nobody to repeat a call that was wrong', () => {
    for (const code of errorCodes) {
      const { category, retryable } = errorRow(code);
      if (category === 'VALIDATION_ERROR' || category === 'PERMISSION_ERROR') {
        assert.equal(retryable, false, code);
      }
    }
  });
});

describe('an engine error', () => {
  it('has what its row in the catalogue says', () => {
    const error = new EngineError('ERP_CONFLICT', 'The record moved on.');

    const { retryable, status, category } = errorRow('ERP_CONFLICT');
    assert.deepEqual(
      [error.retryable, error.status, error.category],
      [retryable, status, category],
    );
  });

  it('comes back from data as it went, without its cause', () => {
    const cause = new TypeError('socket closed');
    const error = new EngineError('DB_UNAVAILABLE', 'Lost.', { details: { tries: 3 }, cause });

    const data = toErrorData(error);
    const back = fromErrorData(JSON.parse(JSON.stringify(data)));

    assert.deepEqual(data, { code: 'DB_UNAVAILABLE', message: 'Lost.', details: { tries: 3 } });
    assert.deepEqual(toErrorData(back), data);
    assert.equal(error.cause, cause);
    assert.equal(back.cause, undefined);
    assert.match(inspect(error), /socket closed/);
  });

  it('is known by its code, not by its class', () => {
    const twin = Object.assign(new Error('from another copy of the package'), {
      code: 'CANCELLED',
    });

    assert.ok(isEngineError(twin));
    assert.equal(toErrorData(twin).code, 'CANCELLED');
  });

  it('is not taken for any other thing that has a code', () => {
    const others = [
      Object.assign(new Error('no file'), { code: 'ENOENT' }),
      Object.assign(new Error('odd'), { code: 7 }),
      Object.assign(new Error('odd'), { code: 'toString' }),
      { code: 'CANCELLED', message: 'no error' },
      'CANCELLED',
      null,
    ];
    for (const other of others) assert.equal(isEngineError(other), false, inspect(other));
  });
});

describe('error data', () => {
  it('gives what is not ours the fallback code, and keeps its message', () => {
    assert.deepEqual(toErrorData(new RangeError('too far')), {
      code: 'INTERNAL',
      message: 'too far',
    });
    assert.deepEqual(toErrorData('plain', 'TOOL_FAILED'), {
      code: 'TOOL_FAILED',
      message: 'plain',
    });
    assert.deepEqual(toErrorData(undefined), { code: 'INTERNAL', message: 'undefined' });
  });

  it('leaves out details that are too large to be sent', () => {
    const details = { left: 'x'.repeat(1_000_000) };

    assert.deepEqual(toErrorData(new EngineError('ERP_REJECTED', 'no', { details })), {
      code: 'ERP_REJECTED',
      message: 'no',
    });
  });
});

describe('an unexpected case', () => {
  it('is a defect that names the value', () => {
    assert.throws(
      () => assertNever('sideways' as never),
      (error) =>
        isEngineError(error) && error.code === 'INTERNAL' && /sideways/.test(error.message),
    );
  });
});
