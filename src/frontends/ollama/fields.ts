import type { ChatRequest, GenerateRequest } from 'ollama'
import { type FieldClass, isHandledBy, OWN_FIELDS, type OwnField } from '../../turn/field-table.ts'

/** Of which endpoint a request is. */
export type OllamaKind = 'chat' | 'generate'

/** Fields beyond the official types: newer ones of the server, and ours. */
type FurtherField = 'truncate' | 'shift' | 'prompt_cache_key'

/**
 * What becomes of each request field. Fields not named here are dropped and reported. The table in
 * docs/protocols/ollama.md is held to this one by a test.
 */
export const OLLAMA_FIELDS = {
  model: 'mapped',
  messages: 'mapped',
  tools: 'mapped',
  prompt: 'mapped',
  system: 'mapped',
  images: 'mapped',
  format: 'mapped',
  think: 'mapped',
  options: 'emulated',
  stream: 'honoured',
  keep_alive: 'honoured',
  suffix: 'refused',
  template: 'dropped',
  context: 'dropped',
  raw: 'dropped',
  truncate: 'dropped',
  shift: 'dropped',
  logprobs: 'dropped',
  top_logprobs: 'dropped',
  width: 'dropped',
  height: 'dropped',
  steps: 'dropped',
  prompt_cache_key: "gateway's own",
  ...OWN_FIELDS,
} as const satisfies Record<keyof ChatRequest | keyof GenerateRequest | FurtherField | OwnField, FieldClass>

const ONLY: Readonly<Record<OllamaKind, readonly string[]>> = {
  chat: ['messages', 'tools'],
  generate: ['prompt', 'system', 'images', 'suffix'],
}

/** True for fields that a rule of this endpoint takes care of. */
export function isHandled(name: string, kind: OllamaKind): boolean {
  const foreign = ONLY[kind === 'chat' ? 'generate' : 'chat']
  return isHandledBy(OLLAMA_FIELDS, name) && !foreign.includes(name)
}
