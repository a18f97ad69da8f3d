import type { JsonObject } from '../../src/lib/json.ts'

export const CHAT = '/v1/chat/completions'
export const RESPONSES = '/v1/responses'

export interface DoorRequest {
  readonly name: string
  readonly path: string
  readonly body: JsonObject
}

/** The same question at both doors, streamed and not: four requests. */
export function atBothDoors(text = 'Hello', model = 'gpt-5.5'): DoorRequest[] {
  return [true, false].flatMap((stream) => [
    {
      name: `chat, stream ${stream}`,
      path: CHAT,
      body: { model, stream, messages: [{ role: 'user', content: text }] },
    },
    { name: `responses, stream ${stream}`, path: RESPONSES, body: { model, stream, input: text } },
  ])
}

export interface ErrorBody {
  readonly error: JsonObject & { message: string; type: string; param: string | null; code: string | null }
}

/** The whole answer, held to the OpenAI error form: JSON, four keys. @throws Error for anything else */
export async function readError(response: Response): Promise<ErrorBody['error']> {
  const text = await response.text()
  const type = response.headers.get('content-type') ?? ''
  if (!type.startsWith('application/json')) throw new Error(`an error of type ${type}: ${text.slice(0, 200)}`)
  const { error } = JSON.parse(text) as ErrorBody
  for (const key of ['message', 'type', 'param', 'code']) {
    if (!Object.hasOwn(error, key)) throw new Error(`the error lacks "${key}": ${text.slice(0, 200)}`)
  }
  return error
}
