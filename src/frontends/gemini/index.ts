import type { Frontend } from '../../turn/frontend.ts'
import { geminiErrors } from './error.ts'
import { parseGeminiRequest } from './request.ts'
import { toGeminiAnswer } from './result.ts'
import { GeminiEncoder, type StreamForm } from './stream.ts'

/** Google's Gemini API, for one model. @param form undefined = an answer in one piece */
export function toGeminiDoor(model: string, form: StreamForm | undefined): Frontend {
  return {
    // The model is part of the path, so the routes are the server's.
    paths: [],
    errors: geminiErrors,
    ...(form === 'array' ? { contentType: 'application/json; charset=utf-8' } : {}),
    parse: (body, request) => parseGeminiRequest(body, request, { model, stream: form !== undefined }),
    encoder: (turn, capabilities) => new GeminiEncoder(form ?? 'sse', turn, capabilities),
    result: toGeminiAnswer,
  }
}
