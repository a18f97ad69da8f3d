import { GatewayError, invalidField } from '../../turn/errors.ts'
import { isHandled } from './fields.ts'

export interface Transcription {
  /** What the backend gets. */
  readonly form: FormData
  readonly model: string
  readonly format: 'json' | 'text'
  readonly dropped: readonly string[]
}

const PASSED = ['model', 'language', 'prompt']

/** A client's form → the backend's (backend-facts.md §1: third-party knowledge, never observed). @throws GatewayError with the field's path */
export function parseTranscription(asked: FormData): Transcription {
  const file = asked.get('file')
  if (file === null || typeof file === 'string' || file.size === 0) {
    throw invalidField('file', 'file must be a sound file that is not empty.')
  }
  if ((textAt(asked, 'stream') ?? 'false') !== 'false')
    throw unsupported('stream', 'Transcripts are not streamed here.')
  const format = textAt(asked, 'response_format') ?? 'json'
  if (format !== 'json' && format !== 'text') {
    throw unsupported('response_format', 'The backend gives the text alone; response_format must be json or text.')
  }
  const form = new FormData()
  form.append('file', file, file.name)
  for (const name of PASSED) {
    const value = textAt(asked, name)
    if (value !== undefined) form.append(name, value)
  }
  const names = [...asked.keys()].map((name) => name.replace(/\[\]$/, ''))
  const dropped = [...new Set(names)].filter((name) => !isHandled(name))
  return { form, model: textAt(asked, 'model') ?? '', format, dropped }
}

function textAt(form: FormData, name: string): string | undefined {
  const value = form.get(name)
  if (value === null) return undefined
  if (typeof value === 'string') return value
  throw invalidField(name, `${name} must be no file.`)
}

function unsupported(param: string, message: string): GatewayError {
  return new GatewayError('unsupported_parameter', message, { param })
}
