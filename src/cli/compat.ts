import { renderJson, renderText } from '../compat/render.ts'
import { type CompatReport, compareWithCaptures } from '../compat/report.ts'

export interface CompatFlags {
  /** Directory of captures. */
  readonly against: string
  readonly json?: boolean
}

/** `codexway compat`: what the gateway sends, against captures of the Codex CLI. Needs no account and no network. */
export async function runCompat({ against, json = false }: CompatFlags): Promise<number> {
  let report: CompatReport
  try {
    report = await compareWithCaptures(against)
  } catch (error) {
    process.stderr.write(`codexway: ${error instanceof Error ? error.message : String(error)}\n`)
    return 2
  }
  process.stdout.write(json ? `${JSON.stringify(renderJson(report), undefined, 2)}\n` : renderText(report))
  return report.turns.every(({ unexpected }) => unexpected.length === 0) ? 0 : 1
}
