import type { Part } from '@google/genai'
import type { Response } from 'openai/resources/responses/responses'
import { arrayAt, isObject, type JsonObject, stringAt } from '../../lib/json.ts'
import type { Capabilities } from '../../turn/capabilities.ts'
import { answerText, isCall, messageText, reasoningText } from '../../turn/output-items.ts'
import type { ThinkingShown, Turn } from '../../turn/turn.ts'
import { toFinishReason, toFunctionCall, toGrounding, toUsageMetadata } from './answer.ts'
import { toSignature } from './signature.ts'

/** A finished response → this API's whole answer. */
export function toGeminiAnswer(response: Response, turn: Turn, capabilities: Capabilities): JsonObject {
  // What the backend really sent may lack what the type promises.
  const fields = response as unknown as JsonObject
  const items = (arrayAt(fields, 'output') ?? []).filter(isObject)
  const hasRefusal = items.some((item) => messageText(item, 'refusal') !== '')
  const parts = toParts(items, thinkingShown(turn, capabilities))
  const grounding = toGrounding(items)
  const usage = toUsageMetadata(fields)
  return {
    candidates: [
      {
        content: { parts: parts.length === 0 ? [{ text: '' }] : parts, role: 'model' },
        finishReason: toFinishReason(fields, hasRefusal),
        index: 0,
        ...(grounding === undefined ? {} : { groundingMetadata: grounding }),
      },
    ],
    ...(usage === undefined ? {} : { usageMetadata: usage }),
    modelVersion: turn.model,
    responseId: stringAt(fields, 'id'),
  }
}

/** `reasoning_output: none` hides what the request would show. */
export function thinkingShown(turn: Turn, capabilities: Capabilities): ThinkingShown {
  return capabilities.reasoning_output === 'none' ? 'none' : (turn.thinking ?? 'none')
}

/** A part that holds nothing but a signature, for reasoning that nothing followed. */
export function toSignaturePart(signature: string): Part {
  return { text: '', thought: true, thoughtSignature: signature }
}

/** The part for what is said behind a reasoning carries that reasoning's signature: clients leave thoughts out, but not that. */
export function signed(part: Part, signature: string): Part {
  return signature === '' ? part : { ...part, thoughtSignature: signature }
}

function toParts(items: readonly JsonObject[], shown: ThinkingShown): Part[] {
  const parts: Part[] = []
  let signature = ''
  const say = (part: Part) => {
    parts.push(signed(part, signature))
    signature = ''
  }
  for (const item of items) {
    const text = answerText(item)
    const thought = shown === 'summarized' && item.type === 'reasoning' ? reasoningText(item) : ''
    if (thought !== '') parts.push({ text: thought, thought: true })
    if (item.type === 'reasoning' && shown !== 'none') {
      if (signature !== '') parts.push(toSignaturePart(signature))
      signature = toSignature(item)
    }
    if (item.type === 'message' && text !== '') say({ text })
    if (isCall(item)) say({ functionCall: toFunctionCall(item) })
  }
  return signature === '' ? parts : [...parts, toSignaturePart(signature)]
}
