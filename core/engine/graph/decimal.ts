import type { Environment } from '@marcbachmann/cel-js';
import { Big } from 'big.js';
import { EngineError } from '../../base/errors.ts';
import { Decimal, Money } from '../../base/money.ts';
import { isDecimal } from './types.ts';

/** A decimal inside an expression: the text that JSON holds, and its number once somebody computes with it. */
export class CelDecimal {
  readonly text: string;
  #big: Big | undefined;

  constructor(text: string) {
    this.text = text;
  }

  get big(): Big {
    this.#big ??= Big(this.text);
    return this.#big;
  }

  toJSON(): string {
    return this.text;
  }
}

/** An amount of money inside an expression. */
export class CelMoney {
  readonly amount: CelDecimal;
  readonly currency: string;

  constructor({ amount, currency }: Money) {
    this.amount = new CelDecimal(amount);
    this.currency = currency;
  }

  toJSON(): Money {
    return { amount: this.amount.text, currency: this.currency };
  }
}

type Operand = CelDecimal | bigint;
type Comparison = '<' | '<=' | '>' | '>=';

const comparisons: Readonly<Record<Comparison, (order: number) => boolean>> = {
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

// Results keep every decimal place; a quotient has ten, as `Decimal.over` gives it.
const arithmetic = { '+': Decimal.plus, '-': Decimal.minus, '*': Decimal.times, '/': Decimal.over };

/**
 * Teaches an environment decimals and money: `decimal("950.00")`, `money("950.00", "EUR")`, comparison and arithmetic, decimals with
 * whole numbers too. Amounts of different currencies meet in an error (INPUT_INVALID). Decimals and fractions do not mix: a
 * fraction of a double is not the one that its writer meant.
 */
export function withDecimals(environment: Environment): Environment {
  environment
    .registerType('Decimal', CelDecimal)
    .registerType('Money', { ctor: CelMoney, fields: { amount: 'Decimal', currency: 'string' } })
    .registerFunction('decimal(string): Decimal', toDecimal)
    .registerFunction('decimal(int): Decimal', toDecimal)
    .registerFunction('decimal(Decimal): Decimal', toDecimal)
    .registerFunction('string(Decimal): string', ({ text }: CelDecimal) => text)
    .registerFunction(
      'money(string, string): Money',
      (amount: string, currency: string) => new CelMoney(Money.parse({ amount, currency })),
    )
    .registerFunction(
      'money(Decimal, string): Money',
      ({ text }: CelDecimal, currency: string) =>
        new CelMoney(Money.parse({ amount: text, currency })),
    );
  for (const [left, right] of [
    ['Decimal', 'Decimal'],
    ['Decimal', 'int'],
    ['int', 'Decimal'],
  ] as const)
    registerDecimal(environment, left, right);
  registerMoney(environment);
  return environment;
}

function registerDecimal(environment: Environment, left: string, right: string): void {
  for (const [operator, holds] of Object.entries(comparisons))
    environment.registerOperator(`${left} ${operator} ${right}: bool`, (a: Operand, b: Operand) =>
      holds(toBig(a).cmp(toBig(b))),
    );
  for (const [operator, compute] of Object.entries(arithmetic))
    environment.registerOperator(
      `${left} ${operator} ${right}: Decimal`,
      (a: Operand, b: Operand) => new CelDecimal(compute(textOf(a), textOf(b))),
    );
  // Registered one way, equality holds the other way round.
  if (left === 'Decimal')
    environment.registerOperator(`${left} == ${right}: bool`, (a: Operand, b: Operand) =>
      toBig(a).eq(toBig(b)),
    );
  if (left === right)
    environment.registerOperator('-Decimal', (a: CelDecimal) => toDecimal(a.big.neg().toFixed()));
}

function registerMoney(environment: Environment): void {
  for (const [operator, holds] of Object.entries(comparisons))
    environment.registerOperator(`Money ${operator} Money: bool`, (a: CelMoney, b: CelMoney) =>
      holds(Money.compare(a.toJSON(), b.toJSON())),
    );
  environment
    .registerOperator(
      'Money == Money: bool',
      (a: CelMoney, b: CelMoney) => Money.compare(a.toJSON(), b.toJSON()) === 0,
    )
    .registerOperator(
      'Money + Money: Money',
      (a: CelMoney, b: CelMoney) => new CelMoney(Money.plus(a.toJSON(), b.toJSON())),
    )
    .registerOperator(
      'Money - Money: Money',
      (a: CelMoney, b: CelMoney) => new CelMoney(Money.minus(a.toJSON(), b.toJSON())),
    );
  for (const factor of ['Decimal', 'int'])
    environment.registerOperator(
      `Money * ${factor}: Money`,
      (a: CelMoney, b: Operand) => new CelMoney(Money.times(a.toJSON(), textOf(b))),
    );
}

function toDecimal(value: string | Operand): CelDecimal {
  if (value instanceof CelDecimal) return value;
  const text = String(value);
  if (!isDecimal(text))
    throw new EngineError('EXPRESSION_INVALID', `'${text.slice(0, 40)}' is no decimal`);
  return new CelDecimal(text);
}

function toBig(value: Operand): Big {
  return value instanceof CelDecimal ? value.big : Big(value.toString());
}

function textOf(value: Operand): string {
  return value instanceof CelDecimal ? value.text : value.toString();
}
