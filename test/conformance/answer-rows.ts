import assert from 'node:assert/strict'
import type { ChatCompletionMessage } from 'openai/resources/chat/completions'
import type { ResponseInputItem } from 'openai/resources/responses/responses'
import type { ScenarioInput } from '../../src/simulator/scenario.ts'
import { emulated, type Lab, lastItems, passed, type Row, rejection, turn } from './row.ts'

const MODEL = 'gpt-5.5'
const HELLO = [{ role: 'user' as const, content: 'Hello' }]
const CHAT = { model: MODEL, messages: HELLO }
const RESPONSES = { model: MODEL, input: 'Hello' }
const MESSAGES = { model: MODEL, max_tokens: 1000, messages: HELLO }

const TEXT = 'Wide “open” é 中文 🙂.'
const REASONED = turn({ reasoning: { summary: ['Hm.'], encrypted_content: 'gAAA-sealed' } }, { text: TEXT })
const CITATION = { type: 'url_citation', url: 'https://example.com', title: 'x', start_index: 0, end_index: 2 }
const CUT = (reason: string): ScenarioInput => ({
  stream: [{ created: true }, { text: 'As far' }, { incomplete: { reason } }],
})

/** How answers come: whole, streamed, with what beside the text. */
export const ANSWER_ROWS: readonly Row[] = [
  {
    feature: 'a whole answer, with usage and request id',
    claims: {
      chat: passed(async ({ simulator, openai }) => {
        simulator.play(turn({ text: TEXT }))
        const answer = await openai.chat.completions.create(CHAT)
        assert.deepEqual([answer.choices[0]?.message.content, answer.choices[0]?.finish_reason], [TEXT, 'stop'])
        assert.ok((answer.usage?.prompt_tokens ?? 0) > 0 && (answer.usage?.completion_tokens ?? 0) > 0)
        assert.match(answer._request_id ?? '', /./)
      }),
      responses: passed(async ({ simulator, openai }) => {
        simulator.play(turn({ text: TEXT }))
        const answer = await openai.responses.create(RESPONSES)
        assert.deepEqual([answer.output_text, answer.status], [TEXT, 'completed'])
        assert.ok((answer.usage?.input_tokens ?? 0) > 0 && (answer.usage?.output_tokens ?? 0) > 0)
        assert.match(answer._request_id ?? '', /./)
      }),
      messages: passed(async ({ simulator, anthropic }) => {
        simulator.play(turn({ text: TEXT }))
        const answer = await anthropic.messages.create(MESSAGES)
        assert.deepEqual([answer.content.map(textOf), answer.stop_reason], [[TEXT], 'end_turn'])
        assert.ok(answer.usage.output_tokens > 0)
        assert.match(answer._request_id ?? '', /./)
      }),
    },
  },
  {
    feature: 'a streamed answer, read event by event',
    claims: {
      chat: passed(async ({ simulator, openai }) => {
        simulator.play(turn({ text: TEXT }))
        const pieces: string[] = []
        for await (const chunk of await openai.chat.completions.create({ ...CHAT, stream: true })) {
          pieces.push(chunk.choices[0]?.delta.content ?? '')
        }
        assert.deepEqual([pieces.join(''), pieces.filter((piece) => piece !== '').length > 1], [TEXT, true])
      }),
      responses: passed(async ({ simulator, openai }) => {
        simulator.play(turn({ text: TEXT }))
        const types: string[] = []
        let text = ''
        for await (const event of await openai.responses.create({ ...RESPONSES, stream: true })) {
          types.push(event.type)
          if (event.type === 'response.output_text.delta') text += event.delta
        }
        assert.deepEqual([text, types[0], types.at(-1)], [TEXT, 'response.created', 'response.completed'])
      }),
      messages: passed(async ({ simulator, anthropic }) => {
        simulator.play(turn({ text: TEXT }))
        const types: string[] = []
        let text = ''
        for await (const event of await anthropic.messages.create({ ...MESSAGES, stream: true })) {
          types.push(event.type)
          if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') text += event.delta.text
        }
        assert.deepEqual([text, types[0], types.at(-1)], [TEXT, 'message_start', 'message_stop'])
      }),
    },
  },
  {
    feature: 'the stream helper and its final object',
    claims: {
      chat: passed(async ({ simulator, openai }) => {
        simulator.play(turn({ text: TEXT }))
        assert.equal(await openai.chat.completions.stream(CHAT).finalContent(), TEXT)
      }),
      responses: passed(async ({ simulator, openai }) => {
        simulator.play(turn({ text: TEXT }))
        const answer = await openai.responses.stream(RESPONSES).finalResponse()
        assert.equal(answer.output_text, TEXT)
      }),
      messages: passed(async ({ simulator, anthropic }) => {
        simulator.play(turn({ text: TEXT }))
        assert.equal(await anthropic.messages.stream(MESSAGES).finalText(), TEXT)
      }),
    },
  },
  {
    feature: 'usage of a stream',
    claims: {
      chat: passed(async ({ openai }) => {
        const stream = await openai.chat.completions.create({
          ...CHAT,
          stream: true,
          stream_options: { include_usage: true },
        })
        let last: { choices: unknown[]; total: number | undefined } | undefined
        for await (const { choices, usage } of stream) last = { choices, total: usage?.total_tokens }
        assert.deepEqual(last?.choices, [])
        assert.ok((last?.total ?? 0) > 0)
      }),
      responses: passed(async ({ openai }) => {
        const { usage } = await openai.responses.stream(RESPONSES).finalResponse()
        assert.ok((usage?.total_tokens ?? 0) > 0)
      }),
      messages: passed(async ({ anthropic }) => {
        const { usage } = await anthropic.messages.stream(MESSAGES).finalMessage()
        assert.ok(usage.output_tokens > 0)
      }),
    },
  },
  {
    feature: 'a refusal',
    claims: {
      chat: passed(async ({ simulator, openai }) => {
        simulator.play(turn({ refusal: 'I will not.' }))
        const answer = await openai.chat.completions.create(CHAT)
        assert.equal(answer.choices[0]?.message.refusal, 'I will not.')
      }),
      responses: passed(async ({ simulator, openai }) => {
        simulator.play(turn({ refusal: 'I will not.' }))
        const [message] = (await openai.responses.create(RESPONSES)).output
        assert.deepEqual(message?.type === 'message' ? message.content[0] : undefined, {
          type: 'refusal',
          refusal: 'I will not.',
        })
      }),
      messages: passed(async ({ simulator, anthropic }) => {
        simulator.play(turn({ refusal: 'I will not.' }))
        const answer = await anthropic.messages.create(MESSAGES)
        assert.deepEqual([answer.content.map(textOf), answer.stop_reason], [['I will not.'], 'refusal'])
      }),
    },
  },
  {
    feature: 'reasoning summaries',
    claims: {
      chat: passed(async ({ simulator, openai }) => {
        simulator.play(REASONED)
        const answer = await openai.chat.completions.create(CHAT)
        // The type of the client does not know what most clients of this protocol read.
        const message: ChatCompletionMessage & { reasoning_content?: string } = answer.choices[0]!.message
        assert.equal(message.reasoning_content, 'Hm.')
      }),
      responses: passed(async ({ simulator, openai }) => {
        simulator.play(REASONED)
        const [reasoning] = (await openai.responses.create(RESPONSES)).output
        assert.deepEqual(reasoning?.type === 'reasoning' ? reasoning.summary.map(({ text }) => text) : [], ['Hm.'])
      }),
      messages: passed(async ({ simulator, anthropic }) => {
        simulator.play(REASONED)
        const answer = await anthropic.messages.create({ ...MESSAGES, thinking: { type: 'adaptive' } })
        assert.deepEqual(
          answer.content.map(({ type }) => type),
          ['thinking', 'text'],
        )
      }),
    },
  },
  {
    feature: 'sealed reasoning, back at the backend in the next turn',
    claims: {
      chat: emulated([], async (lab) => {
        lab.simulator.play(REASONED)
        const first = await lab.openai.chat.completions.create(CHAT)
        const messages = [...HELLO, first.choices[0]!.message, { role: 'user' as const, content: 'And?' }]
        await lab.openai.chat.completions.create({ model: MODEL, messages })
        assertSealed(lab)
      }),
      responses: passed(async (lab) => {
        lab.simulator.play(REASONED)
        const first = await lab.openai.responses.create({ ...RESPONSES, store: false })
        await lab.openai.responses.create({
          model: MODEL,
          store: false,
          // The items are typed apart from their own input form, which is the same JSON.
          input: [...HELLO, ...(first.output as ResponseInputItem[]), { role: 'user', content: 'And?' }],
        })
        assertSealed(lab)
      }),
      messages: passed(async (lab) => {
        lab.simulator.play(REASONED)
        const ask = { ...MESSAGES, thinking: { type: 'adaptive' as const } }
        const first = await lab.anthropic.messages.create(ask)
        const messages = [
          ...HELLO,
          { role: 'assistant' as const, content: first.content },
          { role: 'user' as const, content: 'And?' },
        ]
        await lab.anthropic.messages.create({ ...ask, messages })
        assertSealed(lab)
      }),
    },
  },
  {
    feature: 'citations',
    claims: {
      chat: passed(async ({ simulator, openai }) => {
        simulator.play(turn({ text: 'So', annotations: [CITATION] }))
        const answer = await openai.chat.completions.create(CHAT)
        assert.equal(answer.choices[0]?.message.annotations?.[0]?.url_citation.url, CITATION.url)
      }),
      responses: passed(async ({ simulator, openai }) => {
        simulator.play(turn({ text: 'So', annotations: [CITATION] }))
        const [message] = (await openai.responses.create(RESPONSES)).output
        const [content] = message?.type === 'message' ? message.content : []
        assert.deepEqual(content?.type === 'output_text' ? content.annotations : [], [CITATION])
      }),
      messages: passed(async ({ simulator, anthropic }) => {
        simulator.play(turn({ text: 'So', annotations: [CITATION] }))
        const [block] = (await anthropic.messages.create(MESSAGES)).content
        const [citation] = block?.type === 'text' ? (block.citations ?? []) : []
        assert.equal(citation?.type === 'web_search_result_location' ? citation.url : undefined, CITATION.url)
      }),
    },
  },
  {
    feature: 'an answer the backend cut at its length limit',
    claims: {
      chat: passed(async ({ simulator, openai }) => {
        simulator.play(CUT('max_output_tokens'))
        assert.equal((await openai.chat.completions.create(CHAT)).choices[0]?.finish_reason, 'length')
      }),
      responses: passed(async ({ simulator, openai }) => {
        simulator.play(CUT('max_output_tokens'))
        const { status, incomplete_details: details } = await openai.responses.create(RESPONSES)
        assert.deepEqual([status, details?.reason], ['incomplete', 'max_output_tokens'])
      }),
      messages: passed(async ({ simulator, anthropic }) => {
        simulator.play(CUT('max_output_tokens'))
        assert.equal((await anthropic.messages.create(MESSAGES)).stop_reason, 'max_tokens')
      }),
    },
  },
  {
    feature: 'an answer the content filter cut',
    claims: {
      chat: passed(async ({ simulator, openai }) => {
        simulator.play(CUT('content_filter'))
        assert.equal((await openai.chat.completions.create(CHAT)).choices[0]?.finish_reason, 'content_filter')
      }),
      responses: passed(async ({ simulator, openai }) => {
        simulator.play(CUT('content_filter'))
        assert.equal((await openai.responses.create(RESPONSES)).incomplete_details?.reason, 'content_filter')
      }),
      messages: passed(async ({ simulator, anthropic }) => {
        simulator.play(CUT('content_filter'))
        assert.equal((await anthropic.messages.create(MESSAGES)).stop_reason, 'refusal')
      }),
    },
  },
  {
    feature: '`stop`, `stop_sequences`',
    claims: {
      chat: emulated(['stop'], async ({ simulator, openai }) => {
        simulator.play(turn({ text: 'one two three' }))
        const [choice] = (await openai.chat.completions.create({ ...CHAT, stop: [' two'] })).choices
        assert.deepEqual([choice?.message.content, choice?.finish_reason], ['one', 'stop'])
      }),
      messages: emulated(['stop', 'stop_sequences'], async ({ simulator, anthropic }) => {
        simulator.play(turn({ text: 'one two three' }))
        const answer = await anthropic.messages.create({ ...MESSAGES, stop_sequences: [' two'] })
        assert.deepEqual(
          [answer.content.map(textOf), answer.stop_reason, answer.stop_sequence],
          [['one'], 'stop_sequence', ' two'],
        )
      }),
    },
  },
  {
    feature: '`max_tokens`, `max_completion_tokens`, `max_output_tokens`',
    claims: {
      chat: emulated(['max_tokens', 'max_completion_tokens'], async ({ simulator, openai }) => {
        for (const limit of [{ max_tokens: 2 }, { max_completion_tokens: 2 }]) {
          simulator.play(turn({ text: 'one two three' }))
          const [choice] = (await openai.chat.completions.create({ ...CHAT, ...limit })).choices
          assert.deepEqual([choice?.message.content, choice?.finish_reason], ['one two', 'length'])
        }
      }),
      responses: emulated(['max_output_tokens'], async ({ simulator, openai }) => {
        simulator.play(turn({ text: 'one two three' }))
        const answer = await openai.responses.create({ ...RESPONSES, max_output_tokens: 2 })
        assert.deepEqual([answer.output_text, answer.status], ['one two', 'incomplete'])
      }),
      messages: emulated(['max_tokens', 'max_output_tokens'], async ({ simulator, anthropic }) => {
        simulator.play(turn({ text: 'one two three' }))
        const answer = await anthropic.messages.create({ ...MESSAGES, max_tokens: 2 })
        assert.deepEqual([answer.content.map(textOf), answer.stop_reason], [['one two'], 'max_tokens'])
      }),
    },
  },
  {
    feature: 'leaving a stream ends it at the backend',
    claims: {
      chat: passed(async (lab) => {
        lab.simulator.play('stalls-mid-text')
        const stream = await lab.openai.chat.completions.create({ ...CHAT, stream: true })
        for await (const chunk of stream) if ((chunk.choices[0]?.delta.content ?? '') !== '') break
        await assertClosed(lab)
      }),
      responses: passed(async (lab) => {
        lab.simulator.play('stalls-mid-text')
        const stream = await lab.openai.responses.create({ ...RESPONSES, stream: true })
        for await (const event of stream) if (event.type === 'response.output_text.delta') break
        await assertClosed(lab)
      }),
      messages: passed(async (lab) => {
        lab.simulator.play('stalls-mid-text')
        const stream = await lab.anthropic.messages.create({ ...MESSAGES, stream: true })
        for await (const event of stream) if (event.type === 'content_block_delta') break
        await assertClosed(lab)
      }),
    },
  },
  {
    feature: 'a failure in the middle of a stream is an error of the client, never an end',
    claims: {
      chat: passed(async ({ simulator, openai }) => {
        simulator.play('failed-mid-text')
        await rejection(openai.chat.completions.stream(CHAT).finalContent())
      }),
      responses: passed(async ({ simulator, openai }) => {
        simulator.play('failed-mid-text')
        const types: string[] = []
        for await (const event of await openai.responses.create({ ...RESPONSES, stream: true })) types.push(event.type)
        assert.equal(types.at(-1), 'response.failed')
      }),
      messages: passed(async ({ simulator, anthropic }) => {
        simulator.play('failed-mid-text')
        await rejection(anthropic.messages.stream(MESSAGES).finalText())
      }),
    },
  },
]

function textOf(block: { type: string; text?: string }): string | undefined {
  return block.text
}

function assertSealed(lab: Lab): void {
  const sealed = lastItems(lab).filter(({ type }) => type === 'reasoning')
  assert.deepEqual(
    sealed.map(({ encrypted_content: content }) => content),
    ['gAAA-sealed'],
  )
}

async function assertClosed({ simulator }: Lab): Promise<void> {
  const request = simulator.onlyRequest()
  for (let waited = 0; request.closedAtMs === undefined && waited < 5000; waited += 20) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.notEqual(request.closedAtMs, undefined)
}
