import { EngineError } from 'tutti';
import { ScriptedModel } from 'tutti/testing';

const answer = JSON.stringify({ answer: 'done by the model' });
const chatter = 'Let us talk about the weather instead.';
const lookAgain = [{ kind: 'call', id: 'look', name: 'recovery.order.look', args: {} }] as const;
const away = () => new EngineError('MODEL_UNAVAILABLE', 'The house model does not answer.');

/** How often an agent has asked, and in which of its conversations it is: both count from 1. */
interface Asked {
  calls: number;
  conversations: number;
}

/** How the model treats each agent; whoever is not named gets an answer. */
const moods: Readonly<Record<string, (asked: Asked) => ReturnType<typeof reply>>> = {
  // Three calls of four fail: a turn asks three times by itself before its try has failed.
  rate_clerk: ({ calls }) => (calls % 4 === 0 ? answer : away()),
  // Never answers in the form that is asked for.
  order_clerk: () => chatter,
  weather_clerk: () => chatter,
  payment_clerk: () => chatter,
  // Runs in circles in every first conversation.
  route_clerk: ({ conversations }) => (conversations % 2 === 0 ? answer : lookAgain),
  dunning_clerk: away,
  ledger_clerk: () => new EngineError('MODEL_REFUSED', 'The key of the house model was withdrawn.'),
};

/** A model that lives in this process and is ill in a way of its own for each agent. */
export function houseModel(): ScriptedModel {
  const seen = new Map<string, Asked>();
  return new ScriptedModel(({ output, messages }) => {
    const asked = seen.get(output.name) ?? { calls: 0, conversations: 0 };
    seen.set(output.name, asked);
    asked.calls += 1;
    if (messages.length === 1) asked.conversations += 1;
    return reply(output.name, asked);
  });
}

function reply(agent: string, asked: Asked): string | typeof lookAgain | EngineError {
  return moods[agent]?.(asked) ?? answer;
}
