import type { ContentBlock, RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages'
import { parseMessagesRequest } from '../../src/frontends/anthropic-messages/request.ts'
import { MessagesEncoder } from '../../src/frontends/anthropic-messages/stream.ts'
import { toText } from '../../src/lib/byte-string.ts'
import { numbered, type RawEvent } from '../../src/simulator/events.ts'
import { type Capabilities, mergeCapabilities } from '../../src/turn/capabilities.ts'
import { TurnEvent } from '../../src/turn/events.ts'
import type { Turn } from '../../src/turn/turn.ts'

/** What the client asked beyond `model` and `messages`, and the profile it is served with. */
export interface Asked {
  readonly fields?: object
  readonly layer?: Partial<Capabilities>
}

export function messagesTurn(fields: object = {}, headers: Record<string, string> = {}): Turn {
  const body = { model: 'My-Model', max_tokens: 1000, messages: [{ role: 'user', content: 'Hello' }], ...fields }
  return parseMessagesRequest(body, { headers, keyId: '' })
}

export function capabilitiesOf({ layer }: Asked): Capabilities {
  return mergeCapabilities('messages', layer === undefined ? [] : [layer])
}

export function messagesEncoder(asked: Asked = {}): MessagesEncoder {
  return new MessagesEncoder(messagesTurn(asked.fields), capabilitiesOf(asked))
}

/** The parsed events of a stream, each of which must name its type on its `event:` line, too. */
export function messagesEvents(events: readonly RawEvent[], asked: Asked = {}): RawMessageStreamEvent[] {
  const bytes = messagesEncoder(asked).push(numbered(events).map((event) => TurnEvent.of(event)))
  return toText(bytes)
    .split('\n\n')
    .slice(0, -1)
    .map((frame) => {
      const [, type, data = ''] = /^event: (\w+)\ndata: (.*)$/s.exec(frame) ?? []
      // What the encoder writes is held to the type by the tests.
      const event: RawMessageStreamEvent = JSON.parse(data)
      if (event.type !== type) throw new Error(`${type} is announced, ${event.type} comes`)
      return event
    })
}

/**
 * The content of a stream, put together as clients do it: block after block, each ended before the next begins.
 * @throws Error for an order the protocol does not have
 */
export function contentOf(events: readonly RawMessageStreamEvent[]): ContentBlock[] {
  const content: ContentBlock[] = []
  let open: { block: ContentBlock; json: string } | undefined
  for (const event of events) {
    if (event.type === 'content_block_start') {
      if (open !== undefined || event.index !== content.length) throw new Error(`block ${event.index} begins too early`)
      open = { block: { ...event.content_block }, json: '' }
      content.push(open.block)
    } else if (event.type === 'content_block_delta') {
      if (open === undefined || event.index !== content.length - 1) throw new Error(`a delta for block ${event.index}`)
      open.json += addDelta(open.block, event.delta)
    } else if (event.type === 'content_block_stop') {
      if (open === undefined) throw new Error(`block ${event.index} ends twice`)
      if ('input' in open.block && open.json !== '') open.block.input = JSON.parse(open.json)
      open = undefined
    }
  }
  if (open !== undefined) throw new Error('the last block never ends')
  return content
}

type Delta = Extract<RawMessageStreamEvent, { type: 'content_block_delta' }>['delta']

/** @returns input JSON, which makes sense only when it is complete */
function addDelta(block: ContentBlock, delta: Delta): string {
  if (delta.type === 'input_json_delta') return delta.partial_json
  if (delta.type === 'text_delta' && block.type === 'text') block.text += delta.text
  else if (delta.type === 'thinking_delta' && block.type === 'thinking') block.thinking += delta.thinking
  else if (delta.type === 'signature_delta' && block.type === 'thinking') block.signature = delta.signature
  else if (delta.type === 'citations_delta' && block.type === 'text')
    block.citations = [...(block.citations ?? []), delta.citation]
  else throw new Error(`a ${delta.type} in a ${block.type} block`)
  return ''
}
