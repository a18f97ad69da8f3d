/** Longer words are compared by their beginning: the cost grows with the product of both lengths. */
const MAX_COMPARED = 80

/** The candidates closest to a misspelt word by edit distance without case, best first; equal ones keep their order. */
export function nearest(word: string, candidates: readonly string[], count = 1): string[] {
  const wanted = word.toLowerCase().slice(0, MAX_COMPARED)
  return [...new Set(candidates)]
    .map((candidate) => ({ candidate, distance: distance(wanted, candidate.toLowerCase().slice(0, MAX_COMPARED)) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, count)
    .map(({ candidate }) => candidate)
}

/** Levenshtein, one row at a time. */
function distance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(above, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
      row.push(Math.min(replaced, at(above, j) + 1, at(row, j - 1) + 1))
    }
    above = row
  }
  return at(above, b.length)
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? 0
}
