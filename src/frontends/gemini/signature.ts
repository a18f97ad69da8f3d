import { type JsonObject, stringAt } from '../../lib/json.ts'
import type { InputItem } from '../../turn/turn.ts'

/** Tells our signatures from those of other providers, which mean nothing to this backend. */
const MARK = 'codexway.1:'

/** A part's `thoughtSignature`: the backend's sealed reasoning, so that a client carries it through; '' if there is none. */
export function toSignature(item: JsonObject): string {
  const sealed = stringAt(item, 'encrypted_content') ?? ''
  // The field holds bytes, which some SDKs decode and encode again.
  return sealed === '' ? '' : Buffer.from(MARK + sealed).toString('base64')
}

/**
 * The reasoning a part's signature holds; undefined if the signature is not ours.
 * @param thoughts what the client was shown of it
 */
export function toReasoningItem(part: JsonObject, thoughts: string): InputItem | undefined {
  const text = Buffer.from(stringAt(part, 'thoughtSignature') ?? '', 'base64').toString()
  if (!text.startsWith(MARK)) return undefined
  const summary = thoughts === '' ? [] : [{ type: 'summary_text', text: thoughts }]
  return { type: 'reasoning', summary, encrypted_content: text.slice(MARK.length) }
}
