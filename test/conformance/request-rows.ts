import assert from 'node:assert/strict'
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod'
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod'
import { z } from 'zod'
import { isObject, type JsonObject, objectAt } from '../../src/lib/json.ts'
import { emulated, type Lab, lastItems, passed, type Row, refused, rejection, sent, turn } from './row.ts'

const MODEL = 'gpt-5.5'
const HELLO = [{ role: 'user' as const, content: 'Hello' }]
const CHAT = { model: MODEL, messages: HELLO }
const RESPONSES = { model: MODEL, input: 'Hello' }
const MESSAGES = { model: MODEL, max_tokens: 1000, messages: HELLO }

const PNG = 'iVBORw0KGgo='
const PDF = 'JVBERi0='
const PNG_URL = `data:image/png;base64,${PNG}`
const PDF_URL = `data:application/pdf;base64,${PDF}`
const ANSWER = z.object({ answer: z.string() })

/** What a request may hold, and what refuses it. */
export const REQUEST_ROWS: readonly Row[] = [
  {
    feature: 'system and developer text',
    claims: {
      chat: passed(async (lab) => {
        const system = [
          { role: 'system' as const, content: 'Be brief.' },
          { role: 'developer' as const, content: 'Be kind.' },
        ]
        await lab.openai.chat.completions.create({ model: MODEL, messages: [...system, ...HELLO] })
        assert.deepEqual(developerTexts(lab), ['Be brief.', 'Be kind.'])
      }),
      responses: passed(async (lab) => {
        await lab.openai.responses.create({ ...RESPONSES, instructions: 'Be brief.' })
        assert.equal(sent(lab).instructions, 'Be brief.')
      }),
      messages: passed(async (lab) => {
        await lab.anthropic.messages.create({ ...MESSAGES, system: 'Be brief.' })
        assert.deepEqual(developerTexts(lab), ['Be brief.'])
      }),
    },
  },
  {
    feature: 'images in the request',
    claims: {
      chat: passed(async (lab) => {
        const content = [{ type: 'image_url' as const, image_url: { url: PNG_URL } }]
        await lab.openai.chat.completions.create({ model: MODEL, messages: [{ role: 'user', content }] })
        assert.equal(onlyPart(lab, 'input_image').image_url, PNG_URL)
      }),
      responses: passed(async (lab) => {
        const content = [{ type: 'input_image' as const, image_url: PNG_URL, detail: 'auto' as const }]
        await lab.openai.responses.create({ model: MODEL, input: [{ role: 'user', content }] })
        assert.equal(onlyPart(lab, 'input_image').image_url, PNG_URL)
      }),
      messages: passed(async (lab) => {
        const source = { type: 'base64' as const, media_type: 'image/png' as const, data: PNG }
        const messages = [{ role: 'user' as const, content: [{ type: 'image' as const, source }] }]
        await lab.anthropic.messages.create({ ...MESSAGES, messages })
        assert.equal(onlyPart(lab, 'input_image').image_url, PNG_URL)
      }),
    },
  },
  {
    feature: 'files in the request',
    claims: {
      chat: passed(async (lab) => {
        const content = [{ type: 'file' as const, file: { filename: 'a.pdf', file_data: PDF_URL } }]
        await lab.openai.chat.completions.create({ model: MODEL, messages: [{ role: 'user', content }] })
        assert.equal(onlyPart(lab, 'input_file').file_data, PDF_URL)
      }),
      responses: passed(async (lab) => {
        const content = [{ type: 'input_file' as const, filename: 'a.pdf', file_data: PDF_URL }]
        await lab.openai.responses.create({ model: MODEL, input: [{ role: 'user', content }] })
        assert.equal(onlyPart(lab, 'input_file').file_data, PDF_URL)
      }),
      messages: passed(async (lab) => {
        const source = { type: 'base64' as const, media_type: 'application/pdf' as const, data: PDF }
        const messages = [{ role: 'user' as const, content: [{ type: 'document' as const, source }] }]
        await lab.anthropic.messages.create({ ...MESSAGES, messages })
        assert.equal(onlyPart(lab, 'input_file').file_data, PDF_URL)
      }),
    },
  },
  {
    feature: 'audio in the request',
    claims: {
      chat: refused(400, ({ openai }) => {
        const content = [{ type: 'input_audio' as const, input_audio: { data: 'AAAA', format: 'wav' as const } }]
        return openai.chat.completions.create({ model: MODEL, messages: [{ role: 'user', content }] })
      }),
    },
  },
  {
    feature: 'files kept at the provider (`file_id`)',
    claims: {
      messages: refused(400, ({ anthropic }) => {
        const source = { type: 'file' as const, file_id: 'file_1' }
        const messages = [{ role: 'user' as const, content: [{ type: 'image' as const, source }] }]
        return anthropic.beta.messages.create({ ...MESSAGES, messages })
      }),
    },
  },
  {
    feature: 'structured output, parsed by the client',
    claims: {
      chat: passed(async (lab) => {
        const format = zodResponseFormat(ANSWER, 'answer')
        const answer = await lab.openai.chat.completions.parse({ ...CHAT, response_format: format })
        assert.deepEqual(answer.choices[0]?.message.parsed, { answer: 'sample' })
        assert.equal(sentFormat(lab).strict, true)
      }),
      responses: passed(async (lab) => {
        const answer = await lab.openai.responses.parse({
          ...RESPONSES,
          text: { format: zodTextFormat(ANSWER, 'answer') },
        })
        assert.deepEqual(answer.output_parsed, { answer: 'sample' })
        assert.equal(sentFormat(lab).strict, true)
      }),
      messages: passed(async (lab) => {
        const answer = await lab.anthropic.messages.parse({
          ...MESSAGES,
          output_config: { format: zodOutputFormat(ANSWER) },
        })
        assert.deepEqual(answer.parsed_output, { answer: 'sample' })
        assert.equal(sentFormat(lab).type, 'json_schema')
      }),
    },
  },
  {
    feature: 'JSON mode',
    claims: {
      chat: passed(async (lab) => {
        const answer = await lab.openai.chat.completions.create({ ...CHAT, response_format: { type: 'json_object' } })
        assert.deepEqual(JSON.parse(answer.choices[0]?.message.content ?? ''), { answer: 'Hello' })
        assert.equal(sentFormat(lab).type, 'json_object')
      }),
      responses: passed(async (lab) => {
        const answer = await lab.openai.responses.create({ ...RESPONSES, text: { format: { type: 'json_object' } } })
        assert.deepEqual(JSON.parse(answer.output_text), { answer: 'Hello' })
        assert.equal(sentFormat(lab).type, 'json_object')
      }),
    },
  },
  {
    feature: 'going on from an earlier answer (`previous_response_id`)',
    claims: {
      responses: emulated([], async (lab) => {
        lab.simulator.play(turn({ text: 'One.' }))
        const first = await lab.openai.responses.create(RESPONSES)
        await lab.openai.responses.create({ model: MODEL, input: 'And?', previous_response_id: first.id })
        assert.deepEqual(lastItems(lab).map(textOf), ['Hello', 'One.', 'And?'])
      }),
    },
  },
  {
    feature: 'an unknown model is a `NotFoundError`',
    claims: {
      chat: refused(404, ({ openai }) => openai.chat.completions.create({ ...CHAT, model: 'nope' })),
      responses: refused(404, ({ openai }) => openai.responses.create({ ...RESPONSES, model: 'nope' })),
      messages: refused(404, ({ anthropic }) => anthropic.messages.create({ ...MESSAGES, model: 'nope' })),
    },
  },
  failureRow(
    'a used-up plan is a `RateLimitError` with the reset time, not tried again',
    'usage-limit',
    429,
    'RateLimitError',
  ),
  failureRow(
    'a conversation that is too long is a `BadRequestError`',
    'context-length-exceeded',
    400,
    'BadRequestError',
  ),
  failureRow(
    'a refusal of the workspace is a `PermissionDeniedError`',
    'workspace-denied',
    403,
    'PermissionDeniedError',
  ),
  failureRow('an error of the backend is an `InternalServerError`', 'server-error', 500, 'InternalServerError'),
]

/** A failure of the backend before output, as the clients' own error class, streamed and not. */
function failureRow(feature: string, scenario: string, status: number, name: string): Row {
  const claim = (ask: (lab: Lab, fields: { stream: boolean }) => PromiseLike<unknown>) =>
    passed(async (lab) => {
      for (const stream of [false, true]) {
        lab.simulator.resetState()
        lab.simulator.play({ name: scenario, repeat: 'always' })
        const error = await rejection(ask(lab, { stream }))
        // A failure that came as an event has no status of its own to pass on (connector.md §13.1).
        const expected = status === 500 && lab.transport === 'websocket' ? 502 : status
        assert.deepEqual([error.status, error.name], [expected, name])
        assert.match(String(error.requestID), /./)
        assert.equal(lab.simulator.requests.length, 1)
      }
    })
  // Two tries, had the gateway not said which failures are final: only a 500 is asked for once here.
  const options = { maxRetries: status === 500 ? 0 : 1 }
  return {
    feature,
    claims: {
      chat: claim(({ openai }, fields) => openai.chat.completions.create({ ...CHAT, ...fields }, options)),
      responses: claim(({ openai }, fields) => openai.responses.create({ ...RESPONSES, ...fields }, options)),
      messages: claim(({ anthropic }, fields) => anthropic.messages.create({ ...MESSAGES, ...fields }, options)),
    },
  }
}

function developerTexts(lab: Lab): string[] {
  return lastItems(lab)
    .filter(({ role }) => role === 'developer')
    .map(textOf)
}

function partsOf({ content }: JsonObject): JsonObject[] {
  return Array.isArray(content) ? content.filter(isObject) : []
}

function textOf(item: JsonObject): string {
  if (typeof item.content === 'string') return item.content
  return partsOf(item)
    .map(({ text }) => String(text))
    .join('')
}

function onlyPart(lab: Lab, type: string): JsonObject {
  const parts = lastItems(lab)
    .flatMap(partsOf)
    .filter((part) => part.type === type)
  assert.equal(parts.length, 1)
  return parts[0] ?? {}
}

function sentFormat(lab: Lab): JsonObject {
  const { text } = sent(lab)
  assert.ok(isObject(text))
  return objectAt(text, 'format') ?? {}
}
