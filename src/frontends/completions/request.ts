import type { JsonObject } from '../../lib/json.ts'
import { readClientBody } from '../../turn/client-body.ts'
import { GatewayError, invalidField } from '../../turn/errors.ts'
import { isNoOp } from '../../turn/no-op-params.ts'
import { readBoolean, readObject, readString } from '../../turn/read-body.ts'
import { readStop } from '../../turn/stop-sequences.ts'
import { readTokenLimit } from '../../turn/token-limits.ts'
import type { ClientRequest, InputItem, Turn, TurnBody } from '../../turn/turn.ts'
import { isHandled } from './fields.ts'

/** Each costs a turn of the plan: more of them in one request are hardly meant. */
const MAX_PROMPTS = 100

/** A legacy completions request → a Turn, with one more for each further prompt. @throws GatewayError with the field's path */
export function parseCompletionRequest(body: JsonObject, request: ClientRequest): Turn {
  const { fields, ...common } = readClientBody(body, request)
  refuseImpossible(fields)
  const options = readObject(fields, 'stream_options') ?? {}
  const shared = toBodyFields(fields)
  const [first, ...further] = readPrompts(fields.prompt).map(
    (prompt): Turn => ({
      ...common,
      endpoint: 'completions',
      body: { input: [toUserMessage(prompt)], ...shared },
      stop: readStop(fields),
      maxOutputTokens: readTokenLimit(fields),
      includeUsage: readBoolean(options, 'include_usage', 'stream_options.include_usage') ?? false,
      legacyFunctions: false,
      customTools: new Set(),
      extras: Object.fromEntries(
        Object.entries(fields).filter(([name, value]) => !isHandled(name) && !isNoOp(name, value)),
      ),
      dropped: Object.entries(options)
        .map(([name, value]) => [`stream_options.${name}`, value] as const)
        .filter(([path, value]) => path !== 'stream_options.include_usage' && !isNoOp(path, value))
        .map(([path]) => path),
      adjusted: [],
      store: false,
      previousResponseId: undefined,
      remoteImages: [],
    }),
  )
  if (first === undefined) throw invalidField('prompt', 'prompt must hold at least one text.')
  return further.length === 0 ? first : { ...first, further }
}

function toUserMessage(text: string): InputItem {
  return { type: 'message', role: 'user', content: [{ type: 'input_text', text }] }
}

function toBodyFields(fields: JsonObject): Omit<TurnBody, 'input'> {
  const effort = readString(fields, 'reasoning_effort')
  const verbosity = readString(fields, 'verbosity')
  return {
    ...(effort === undefined ? {} : { reasoning: { effort } }),
    ...(verbosity === undefined ? {} : { text: { verbosity } }),
  }
}

function readPrompts(prompt: unknown): string[] {
  if (typeof prompt === 'string') return [readPrompt(prompt, 'prompt')]
  if (!Array.isArray(prompt)) throw invalidField('prompt', 'prompt must be a text or a list of texts.')
  const list: unknown[] = prompt
  if (list.length > MAX_PROMPTS) {
    throw invalidField('prompt', `prompt may hold at most ${MAX_PROMPTS} texts; each of them is a turn of its own.`)
  }
  return list.map((text, index) => readPrompt(text, `prompt[${index}]`))
}

function readPrompt(text: unknown, path: string): string {
  if (typeof text === 'number' || Array.isArray(text)) {
    throw unsupported('prompt', 'This backend takes texts, no tokens; send the prompt as text.')
  }
  if (typeof text !== 'string' || text === '') throw invalidField(path, `${path} must be a text that is not empty.`)
  return text
}

/** What dropping would turn into another answer than the one asked for. */
function refuseImpossible({ n, best_of: bestOf, echo, suffix }: JsonObject): void {
  if (!isNoOp('n', n))
    throw unsupported('n', 'This backend gives one answer a prompt; send the prompt n times instead.')
  if ((bestOf ?? 1) !== 1)
    throw unsupported('best_of', 'This backend gives one answer a prompt and does not rank several.')
  if ((echo ?? false) !== false)
    throw unsupported('echo', 'The prompt is not echoed; put it before the answer yourself.')
  if ((suffix ?? '') !== '') {
    throw unsupported('suffix', 'This backend has chat models, which do not insert text before a suffix.')
  }
}

function unsupported(param: string, message: string): GatewayError {
  return new GatewayError('unsupported_parameter', message, { param })
}
