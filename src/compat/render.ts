import type { JsonObject } from '../lib/json.ts'
import type { Difference } from './compare.ts'
import type { CompatReport, TurnReport } from './report.ts'

const SHOWN = 100

/** The report for people: what it was held to, a line per turn, then each difference once with where it is. */
export function renderText({ heldTo, turns }: CompatReport): string {
  const unexpected = turns.flatMap(({ unexpected }) => unexpected)
  return [
    `Held to: ${heldTo.sources.join('; ')}. The gateway speaks as ${heldTo.userAgent}.`,
    '',
    ...turns.map(toLine),
    '',
    'Different by design',
    ...renderByDesign(turns),
    '',
    unexpected.length === 0 ? 'Nothing unexpected.' : 'Unexpected',
    ...turns.flatMap((turn) => turn.unexpected.map((difference) => renderDifference(turn, difference))),
    '',
  ].join('\n')
}

/** The same for machines. */
export function renderJson({ heldTo, turns }: CompatReport): JsonObject {
  return {
    held_to: heldTo,
    turns: turns.map(({ capture, sender, equal, byDesign, unexpected }) => ({
      capture,
      sender,
      equal,
      by_design: byDesign.map(({ rule, ...difference }) => ({ ...difference, reason: rule.reason })),
      unexpected,
    })),
  }
}

function toLine({ capture, sender, equal, byDesign, unexpected }: TurnReport): string {
  return `${capture} (asked by ${sender}): ${equal} equal, ${byDesign.length} by design, ${unexpected.length} unexpected`
}

/** Reasons in the order they come up, each with its paths and how often. */
function renderByDesign(turns: readonly TurnReport[]): string[] {
  const reasons = new Map<string, Map<string, number>>()
  for (const { rule, path, kind } of turns.flatMap(({ byDesign }) => byDesign)) {
    const places = reasons.get(rule.reason) ?? new Map<string, number>()
    const place = `${path} ${kind}`
    reasons.set(rule.reason, places.set(place, (places.get(place) ?? 0) + 1))
  }
  return [...reasons].flatMap(([reason, places]) => [
    `- ${reason}`,
    ...[...places].map(([place, count]) => `    ${place} (${count})`),
  ])
}

function renderDifference({ capture, sender }: TurnReport, { path, kind, captured, sent }: Difference): string {
  return `- ${capture} (asked by ${sender}): ${path} ${kind}: captured ${show(captured)}, sent ${show(sent)}`
}

function show(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value)
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}…`
}
