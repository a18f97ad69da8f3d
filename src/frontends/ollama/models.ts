import { createHash } from 'node:crypto'
import type { ModelDetails } from 'ollama'
import type { Model } from 'openai/resources/models'
import { arrayAt, type JsonObject, numberAt } from '../../lib/json.ts'

/** The release whose API this is: clients refuse servers older than what they need. */
export const OLLAMA_API_VERSION = '0.13.0'

const DETAILS: ModelDetails = {
  parent_model: '',
  format: '',
  family: 'codex',
  families: ['codex'],
  parameter_size: '',
  quantization_level: '',
}

/** The model list. Names have a tag in this API; ones with a backend in front stay as they are. */
export function toTags(models: readonly Model[]): { models: JsonObject[] } {
  return {
    models: models.map(({ id, created }) => {
      const name = id.includes(':') ? id : `${id}:latest`
      return {
        name,
        model: name,
        modified_at: toDate(created),
        size: 0,
        // Not of a file, but as stable as one.
        digest: createHash('sha256').update(id).digest('hex'),
        details: DETAILS,
      }
    }),
  }
}

/** @param raw the catalogue's entry; `{}` if there is none */
export function toShow({ created }: Model, raw: JsonObject): JsonObject {
  const context = numberAt(raw, 'context_window')
  const modalities = arrayAt(raw, 'input_modalities') ?? []
  return {
    modelfile: '',
    parameters: '',
    template: '',
    license: '',
    modified_at: toDate(created),
    details: DETAILS,
    model_info: {
      'general.architecture': 'codex',
      ...(context === undefined ? {} : { 'codex.context_length': context }),
    },
    capabilities: ['completion', 'tools', 'thinking', ...(modalities.includes('image') ? ['vision'] : [])],
  }
}

function toDate(seconds: number): string {
  return new Date(seconds * 1000).toISOString()
}
