import type { TranscriptionCreateParams } from 'openai/resources/audio/transcriptions'
import { type FieldClass, isHandledBy } from '../../turn/field-table.ts'

/**
 * What becomes of each field of the form. Fields not named here are dropped and reported. The table in
 * docs/protocols/audio.md is held to this one by a test.
 */
export const TRANSCRIPTION_FIELDS = {
  file: 'passed',
  model: 'passed',
  language: 'passed',
  prompt: 'passed',
  response_format: 'honoured',
  stream: 'refused',
  temperature: 'dropped',
  chunking_strategy: 'dropped',
  include: 'dropped',
  keywords: 'dropped',
  known_speaker_names: 'dropped',
  known_speaker_references: 'dropped',
  languages: 'dropped',
  timestamp_granularities: 'dropped',
} as const satisfies Record<keyof TranscriptionCreateParams, FieldClass>

/** True for fields that a rule of this door takes care of. */
export function isHandled(name: string): boolean {
  return isHandledBy(TRANSCRIPTION_FIELDS, name)
}
