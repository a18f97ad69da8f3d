/** Budgets below → effort; larger ones are `xhigh`. */
const BUDGETS = [
  [4096, 'low'],
  [16_384, 'medium'],
  [32_768, 'high'],
] as const

/** The effort that stands for a number of thinking tokens, since this backend knows no budget. */
export function toBudgetEffort(tokens: number): string {
  return BUDGETS.find(([below]) => tokens < below)?.[1] ?? 'xhigh'
}
