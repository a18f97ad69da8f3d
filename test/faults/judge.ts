import { isOutputType } from '../../src/turn/events.ts'
import { type RawReply, readReply } from './read-answer.ts'
import type { Told } from './scenarios.ts'

/** One client request, from outside: what it got, and what passed between the gateway and the backend meanwhile. */
export interface Run {
  readonly told: Pick<Told, 'text' | 'reasoning' | 'callArguments' | 'succeeds'>
  /** undefined: nothing came within the time limit. */
  readonly reply: (RawReply & { readonly isComplete: boolean }) | undefined
  /** The fault leaves the answer whole, so that the client must have all of it. */
  readonly mustSucceed: boolean
  /** What reached the gateway over each connection, one character a byte; undefined where nobody noted it. */
  readonly passedDown: readonly string[] | undefined
  /** How many of these the rules for repeats allow. */
  readonly maxAsked: number
  /** Generating requests that reached the backend. */
  readonly asked: readonly { readonly finished: boolean; readonly afterOutput: boolean }[]
}

/** What is wrong with a run; empty = nothing. The one place that knows the rules. */
export function judge(run: Run): string[] {
  const { reply, asked } = run
  const wrong: string[] = []
  // A backend that fails before any output has generated nothing.
  const generates = run.told.text + run.told.reasoning + run.told.callArguments !== ''
  if (generates && asked.filter(({ finished }) => finished).length > 1) wrong.push('more than one finished generation')
  if (asked.length > run.maxAsked) wrong.push(`asked ${asked.length} times`)
  if (asked.some(({ afterOutput }) => afterOutput)) wrong.push('asked again after output')
  if (reply === undefined) return [...wrong, 'the request never ended']
  if (!reply.isComplete) wrong.push('the answer was cut off')

  const reading = readReply(reply)
  const isSuccess = reading.ends[0] === 'success'
  wrong.push(...reading.oddities)
  if (reading.ends.length !== 1) wrong.push(`${reading.ends.length} terminal signals`)
  if (reading.behindEnd > 0) wrong.push(`${reading.behindEnd} frames behind the end`)
  if (isSuccess && !run.told.succeeds) wrong.push('success where the backend failed')
  if (isSuccess && run.passedDown?.some(holdsCompletion) === false)
    wrong.push('success without a terminal event of the backend')
  if (!isSuccess && run.mustSucceed) wrong.push(`failed needlessly: ${reply.status} ${reading.code ?? ''}`)
  for (const part of ['text', 'reasoning', 'callArguments'] as const) {
    const [got, whole] = [canonical(reading[part], part), canonical(run.told[part], part)]
    if (isSuccess ? got !== whole : !whole.startsWith(got)) wrong.push(`${part} is ${JSON.stringify(got)}`)
  }
  return wrong
}

/** Arguments that came as an object have lost their spelling. */
function canonical(text: string, part: string): string {
  if (part !== 'callArguments') return text
  try {
    return JSON.stringify(JSON.parse(text))
  } catch {
    return text
  }
}

const COMPLETED = '{"type":"response.completed"'

/** True if a whole `response.completed` with output is among the bytes: a warm-up's has none. */
export function holdsCompletion(bytes: string): boolean {
  for (let at = bytes.indexOf(COMPLETED); at !== -1; at = bytes.indexOf(COMPLETED, at + 1)) {
    const json = bytes.slice(at, jsonEnd(bytes, at))
    if (json.endsWith('}') && !/"output":\[\]/.test(json) && isJson(json)) return true
  }
  return false
}

/** True if an event that is output begins among the bytes. */
export function holdsOutput(bytes: string): boolean {
  return [...bytes.matchAll(/\{"type":"(response\.[a-z_.]+)"/g)].some(([, type = '']) => isOutputType(type))
}

function jsonEnd(text: string, from: number): number {
  let depth = 0
  let isQuoted = false
  for (let at = from; at < text.length; at += 1) {
    const character = text[at]
    if (isQuoted && character === '\\') at += 1
    else if (character === '"') isQuoted = !isQuoted
    else if (!isQuoted && character === '{') depth += 1
    else if (!isQuoted && character === '}' && --depth === 0) return at + 1
  }
  return text.length
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
