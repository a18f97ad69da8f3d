import type { ChatCompletionChunk } from 'openai/resources/chat/completions'
import { parseChatRequest } from '../../src/frontends/chat-completions/request.ts'
import { ChatEncoder } from '../../src/frontends/chat-completions/stream.ts'
import { toText } from '../../src/lib/byte-string.ts'
import { numbered, type RawEvent } from '../../src/simulator/events.ts'
import { type Capabilities, mergeCapabilities } from '../../src/turn/capabilities.ts'
import { TurnEvent } from '../../src/turn/events.ts'

/** What the client asked beyond `model`, `stream` and `messages`, and the profile it is served with. */
export interface Asked {
  readonly fields?: object
  readonly layer?: Partial<Capabilities>
}

export const NOW_SECONDS = 1_800_000_000

export function chatEncoder({ fields, layer }: Asked = {}): ChatEncoder {
  const body = { model: 'My-Model', stream: true, messages: [{ role: 'user', content: 'Hello' }], ...fields }
  const turn = parseChatRequest(body, { headers: {}, keyId: '' })
  return new ChatEncoder(turn, mergeCapabilities('chat', layer === undefined ? [] : [layer]), NOW_SECONDS)
}

/** The parsed chunks of a stream, and whether `[DONE]` closed it. */
export function chatChunks(events: readonly RawEvent[], asked: Asked = {}) {
  const bytes = chatEncoder(asked).push(numbered(events).map((event) => TurnEvent.of(event)))
  const data = toText(bytes)
    .split('\n\n')
    .slice(0, -1)
    .map((frame) => frame.replace(/^data: /, ''))
  const isDone = data.at(-1) === '[DONE]'
  // What the encoder writes is held to the type by the tests.
  const chunks = (isDone ? data.slice(0, -1) : data).map((text): ChatCompletionChunk => JSON.parse(text))
  return { chunks, isDone }
}

/** The deltas of a stream; in place of the last one the finish reason; a usage chunk's usage; `[DONE]`. */
export function chatDeltas(events: readonly RawEvent[], asked: Asked = {}): unknown[] {
  const { chunks, isDone } = chatChunks(events, asked)
  const deltas = chunks.map(({ choices: [choice], usage }) =>
    choice === undefined ? usage : (choice.finish_reason ?? choice.delta),
  )
  return isDone ? [...deltas, '[DONE]'] : deltas
}
