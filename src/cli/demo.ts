import { request } from 'node:http'
import { loadConfig } from '../config/load.ts'
import { createLogger } from '../lib/logger.ts'
import { createApp } from '../server/app.ts'
import { startSimulation } from './simulation.ts'

const TOOL = {
  type: 'function',
  function: {
    name: 'run_command',
    parameters: { type: 'object', properties: { command: { type: 'string' } }, required: ['command'] },
  },
}

interface Delta {
  readonly content?: string
  readonly tool_calls?: readonly {
    readonly id?: string
    readonly function?: { readonly name?: string; readonly arguments?: string }
  }[]
}

/** `codexway demo`: gateway and simulator, a streamed answer and a tool round trip, then the end. */
export async function runDemo(): Promise<number> {
  const simulation = await startSimulation()
  const result = loadConfig(
    {},
    { ...simulation.env, XDG_CONFIG_HOME: simulation.directory, CODEXWAY_PORT: '0' },
    simulation.directory,
  )
  if (!result.ok) throw new Error(result.problems.join('\n'))
  const app = createApp({ loaded: result.loaded, log: createLogger('silent', process.stderr) })
  const { url } = await app.listen()
  try {
    say(`gateway at ${url}/v1, in front of a simulator; no account is used\n`)
    const question = { role: 'user', content: 'Say hello to the person watching this demo.' }
    say(`> ${question.content}\n< `)
    await chat(url, [question])

    const task = { role: 'user', content: 'Please run `date +%Y` and tell me what it prints.' }
    say(`\n> ${task.content}\n< `)
    const [call] = (await chat(url, [task], [TOOL])) ?? []
    if (call === undefined) throw new Error('the demo expected a tool call')
    const output = String(new Date().getFullYear())
    say(`tool call ${call.function.name}(${call.function.arguments}); the client answers "${output}"\n< `)
    const message = { role: 'assistant', content: null, tool_calls: [call] }
    await chat(url, [task, message, { role: 'tool', tool_call_id: call.id, content: output }], [TOOL])
    say('\ndone\n')
    return 0
  } finally {
    await app.stop()
    await simulation.close()
  }
}

interface Call {
  id: string
  type: 'function'
  function: { name: string; arguments: string }
}

/** One streamed chat completion, its text written as it comes. @returns the calls it made */
async function chat(url: string, messages: readonly object[], tools?: readonly object[]): Promise<Call[]> {
  const calls: Call[] = []
  for await (const delta of deltas(url, {
    model: 'gpt-5.5',
    stream: true,
    messages,
    ...(tools === undefined ? {} : { tools }),
  })) {
    if (delta.content !== undefined) say(delta.content)
    for (const { id, function: part } of delta.tool_calls ?? []) {
      if (id !== undefined) calls.push({ id, type: 'function', function: { name: part?.name ?? '', arguments: '' } })
      const call = calls.at(-1)
      if (call !== undefined) call.function.arguments += part?.arguments ?? ''
    }
  }
  return calls
}

async function* deltas(url: string, body: object): AsyncGenerator<Delta> {
  const answer = await post(`${url}/v1/chat/completions`, body)
  let text = ''
  for await (const chunk of answer) {
    text += String(chunk)
    const frames = text.split('\n\n')
    text = frames.pop() ?? ''
    for (const frame of frames) {
      const json = frame.replace(/^data: /, '')
      if (json === '[DONE]') return
      const { choices } = JSON.parse(json) as { choices?: { delta: Delta }[] }
      const delta = choices?.[0]?.delta
      if (delta !== undefined) yield delta
    }
  }
}

function post(url: string, body: object): Promise<AsyncIterable<Buffer>> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: 'POST', headers: { 'content-type': 'application/json' } }, (answer) => {
      answer.setEncoding('utf8')
      resolve(answer)
    })
    outgoing.once('error', reject)
    outgoing.end(JSON.stringify(body))
  })
}

function say(text: string): void {
  process.stdout.write(text)
}
