import { type JsonObject, stringAt } from '../../lib/json.ts'
import type { InputItem } from '../../turn/turn.ts'

/** Tells our signatures from those of other providers, which mean nothing to this backend. */
const MARK = 'codexway.1:'

/** A thinking block's `signature`: the backend's sealed reasoning, so that a client carries it through; '' if there is none. */
export function toSignature(item: JsonObject): string {
  const sealed = stringAt(item, 'encrypted_content') ?? ''
  return sealed === '' ? '' : MARK + sealed
}

/** A thinking block that comes back → the reasoning item it was made of; undefined if the block is not ours. */
export function toReasoningItem(block: JsonObject): InputItem | undefined {
  const signature = stringAt(block, 'signature') ?? ''
  if (!signature.startsWith(MARK)) return undefined
  const text = stringAt(block, 'thinking') ?? ''
  const summary = text === '' ? [] : [{ type: 'summary_text', text }]
  return { type: 'reasoning', summary, encrypted_content: signature.slice(MARK.length) }
}
