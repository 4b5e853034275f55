import type { Model, ModelReply, ModelTarget } from '../core/ports/models/model.ts';
import { ask } from './call.ts';

/** The bench's model provider: what an agent's input asks for, through the call that the floor makes too. */
export function benchModel(target: ModelTarget): Model {
  const url = target.baseUrl ?? '';
  return {
    provider: 'bench',
    async call(request): Promise<ModelReply> {
      const [part] = request.messages[0]?.parts ?? [];
      const text = part?.kind === 'text' ? part.text : '';
      const { index, factor, base } = JSON.parse(text.slice(text.indexOf('{'))) as Record<
        string,
        number
      >;
      const ms = base === undefined || base < 0 ? -1 : base * (factor ?? 1);
      const { handed, usage } = await ask({ index: index ?? 0, ms, url });
      return {
        parts: [{ kind: 'text', text: JSON.stringify(handed) }],
        stop: 'end',
        usage,
        model: target.model,
        providerId: 'bench',
      };
    },
  };
}
