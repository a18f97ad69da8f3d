import type { Frontend } from '../../turn/frontend.ts'
import { ollamaErrors } from './error.ts'
import type { OllamaKind } from './fields.ts'
import { parseOllamaRequest } from './request.ts'
import { toOllamaAnswer } from './result.ts'
import { OllamaEncoder } from './stream.ts'

function toDoor(kind: OllamaKind): Frontend {
  return {
    paths: [`/api/${kind}`],
    errors: ollamaErrors,
    contentType: 'application/x-ndjson',
    parse: (body, request) => parseOllamaRequest(body, request, kind),
    encoder: (turn, capabilities, clock) => new OllamaEncoder(kind, turn, capabilities, clock),
    result: (response, turn, capabilities, clock) => toOllamaAnswer(response, { kind, turn, capabilities, clock }),
  }
}

/** Ollama's API, for chat apps that speak nothing else. */
export const OLLAMA_DOORS = { chat: toDoor('chat'), generate: toDoor('generate') }
