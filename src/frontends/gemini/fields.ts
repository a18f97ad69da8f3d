import type { GenerationConfig } from '@google/genai'
import { type FieldClass, isHandledBy, OWN_FIELDS, type OwnField } from '../../turn/field-table.ts'

/** Of the request as the REST reference has it; the SDK has no type of its own for that. */
type RequestField =
  | 'model'
  | 'contents'
  | 'systemInstruction'
  | 'tools'
  | 'toolConfig'
  | 'generationConfig'
  | 'safetySettings'
  | 'cachedContent'
  | 'labels'
  | 'serviceTier'
  | 'store'
  | 'continuationToken'
  | 'prompt_cache_key'

/**
 * What becomes of each request field. Fields not named here are dropped and reported. The tables in
 * docs/protocols/gemini.md are held to these two by a test.
 */
export const GEMINI_FIELDS = {
  model: 'honoured',
  contents: 'mapped',
  systemInstruction: 'mapped',
  tools: 'mapped',
  toolConfig: 'mapped',
  generationConfig: 'mapped',
  serviceTier: 'mapped',
  cachedContent: 'refused',
  continuationToken: 'refused',
  safetySettings: 'dropped',
  labels: 'dropped',
  store: 'dropped',
  prompt_cache_key: "gateway's own",
  ...OWN_FIELDS,
} as const satisfies Record<RequestField | OwnField, FieldClass>

/** Members of `generationConfig`. */
export const GEMINI_CONFIG_FIELDS = {
  responseMimeType: 'mapped',
  responseSchema: 'mapped',
  responseJsonSchema: 'mapped',
  thinkingConfig: 'mapped',
  maxOutputTokens: 'emulated',
  stopSequences: 'emulated',
  candidateCount: 'refused',
  responseModalities: 'refused',
  temperature: 'dropped',
  topP: 'dropped',
  topK: 'dropped',
  seed: 'dropped',
  presencePenalty: 'dropped',
  frequencyPenalty: 'dropped',
  responseLogprobs: 'dropped',
  logprobs: 'dropped',
  responseFormat: 'dropped',
  mediaResolution: 'dropped',
  speechConfig: 'dropped',
  imageConfig: 'dropped',
  audioTimestamp: 'dropped',
  audioTranscriptionConfig: 'dropped',
  translationConfig: 'dropped',
  enableAffectiveDialog: 'dropped',
  enableEnhancedCivicAnswers: 'dropped',
  modelSelectionConfig: 'dropped',
  routingConfig: 'dropped',
} as const satisfies Record<keyof GenerationConfig | 'imageConfig', FieldClass>

/** True for fields that a rule of this door takes care of. */
export function isHandled(name: string): boolean {
  return isHandledBy(GEMINI_FIELDS, name)
}

export function isHandledInConfig(name: string): boolean {
  return isHandledBy(GEMINI_CONFIG_FIELDS, name)
}
