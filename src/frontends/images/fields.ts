import type { ImageEditParams, ImageGenerateParams } from 'openai/resources/images'
import { type FieldClass, isHandledBy, OWN_FIELDS, type OwnField } from '../../turn/field-table.ts'

/** Of the edits' JSON form. */
type FurtherField = 'images'

/**
 * What becomes of each request field, of generations and edits alike. Fields not named here are dropped and reported.
 * The table in docs/protocols/images.md is held to this one by a test.
 */
export const IMAGE_FIELDS = {
  prompt: 'mapped',
  model: 'mapped',
  image: 'mapped',
  images: 'mapped',
  mask: 'mapped',
  size: 'mapped',
  quality: 'mapped',
  background: 'mapped',
  output_format: 'mapped',
  output_compression: 'mapped',
  response_format: 'honoured',
  stream: 'honoured',
  partial_images: 'honoured',
  n: 'refused',
  moderation: 'dropped',
  input_fidelity: 'dropped',
  style: 'dropped',
  user: 'dropped',
  safety_identifier: 'dropped',
  complexity: 'dropped',
  frame_count: 'dropped',
  frame_duration_ms: 'dropped',
  markup: 'dropped',
  svg: 'dropped',
  ...OWN_FIELDS,
} as const satisfies Record<keyof ImageGenerateParams | keyof ImageEditParams | FurtherField | OwnField, FieldClass>

/** True for fields that a rule of this door takes care of. */
export function isHandled(name: string): boolean {
  return isHandledBy(IMAGE_FIELDS, name)
}
