import type { ContentBlock, RawContentBlockDelta, RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages'
import { jsonBytes } from '../../lib/byte-string.ts'

/** One SSE event. Clients of this API want the `event:` line, too (clients.md). */
export function frame(event: RawMessageStreamEvent): string {
  return `event: ${event.type}\ndata: ${jsonBytes(event)}\n\n`
}

export function startFrame(index: number, block: ContentBlock): string {
  return frame({ type: 'content_block_start', index, content_block: block })
}

export function deltaFrame(index: number, delta: RawContentBlockDelta): string {
  return frame({ type: 'content_block_delta', index, delta })
}

export function stopFrame(index: number): string {
  return frame({ type: 'content_block_stop', index })
}

/** What stands around the JSON literal of a delta: the same bytes as `deltaFrame` writes. */
export function deltaHead(index: number, type: string, key: string): string {
  return `event: content_block_delta\ndata: {"type":"content_block_delta","index":${index},"delta":{"type":"${type}","${key}":`
}

export const DELTA_TAIL = '}}\n\n'
