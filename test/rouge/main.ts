import { createReadStream, existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { l as rougeL, n as rougeN } from 'js-rouge'
import { summarise } from '../../src/analysis/write/extractive/summarise.ts'
import { surveyDocument, type Survey } from '../../src/analysis/write/extractive/survey.ts'
import { readText } from '../../src/analysis/parse/text/plain-text.ts'
import { textRank } from './text-rank.ts'

/**
 * `npm run test:rouge -- <file.jsonl>`: lines of `{"article": "…", "highlights": "…"}`. The summary that the offline
 * engine writes, beside Lead-3 and TextRank over the same whole sentences, by ROUGE-1, -2 and -L (F1, small letters).
 */

const SENTENCES = 3
const TEXTRANK_AIM = 4
const LEAD_AIM = -1.5
const OPTIONS = { caseSensitive: false }

const SYSTEMS = {
  headgate: ({ document, sentences, words }: Survey) =>
    summarise(document, sentences, { words, maxWords: Infinity }).sentences.map(({ text }) => text),
  'Lead-3': ({ sentences }: Survey) => sentences.slice(0, SENTENCES).map(({ text }) => text),
  TextRank: ({ sentences, words }: Survey) => {
    const bags = sentences.map(({ text }) =>
      words
        .of(text)
        .filter((word) => words.isContent(word))
        .map((word) => words.stem(word)),
    )
    const ranks = textRank(bags)
    const best = [...ranks.keys()].sort((a, b) => (ranks[b] ?? 0) - (ranks[a] ?? 0)).slice(0, SENTENCES)
    return best.sort((a, b) => a - b).map((index) => sentences[index]?.text ?? '')
  },
}
type System = keyof typeof SYSTEMS
const METRICS = {
  'ROUGE-1': (found: string, expected: string) => rougeN(found, expected, { ...OPTIONS, n: 1 }),
  'ROUGE-2': (found: string, expected: string) => rougeN(found, expected, { ...OPTIONS, n: 2 }),
  'ROUGE-L': (found: string, expected: string) => rougeL(found, expected, OPTIONS),
}
type Metric = keyof typeof METRICS

const [file = ''] = process.argv.slice(2)
if (!existsSync(file)) {
  console.error('usage: npm run test:rouge -- <file.jsonl with article and highlights>')
  process.exit(2)
}
const systems = Object.keys(SYSTEMS) as System[]
const metrics = Object.keys(METRICS) as Metric[]
const sums = new Map<string, number>()
const lengths = new Map<System, number>()
let count = 0
let empty = 0
for await (const line of createInterface({ input: createReadStream(file) })) {
  if (line.trim() === '') continue
  const { article, highlights } = JSON.parse(line) as { article: string; highlights: string }
  const survey = surveyDocument(readText(new TextEncoder().encode(article), 'utf-8'))
  if (survey.sentences.length === 0) empty += 1
  count += 1
  for (const system of systems) {
    const summary = SYSTEMS[system](survey).join('\n')
    lengths.set(system, (lengths.get(system) ?? 0) + survey.words.of(summary).length)
    for (const metric of metrics) {
      const score = summary === '' || highlights.trim() === '' ? 0 : METRICS[metric](summary, highlights)
      sums.set(`${system} ${metric}`, (sums.get(`${system} ${metric}`) ?? 0) + score)
    }
  }
}
const computeMean = (system: System, metric: Metric) => (100 * (sums.get(`${system} ${metric}`) ?? 0)) / count

console.log(`${count} articles${empty > 0 ? `, ${empty} without a whole sentence` : ''}`)
console.log(['', ...metrics, 'words'].map((cell) => cell.padEnd(10)).join(''))
for (const system of systems) {
  const scores = metrics.map((metric) => computeMean(system, metric).toFixed(2))
  console.log(
    [system, ...scores, ((lengths.get(system) ?? 0) / count).toFixed(0)]
      .map((cell) => cell.padEnd(10))
      .join(''),
  )
}
const overTextRank = computeMean('headgate', 'ROUGE-1') - computeMean('TextRank', 'ROUGE-1')
const overLead = computeMean('headgate', 'ROUGE-1') - computeMean('Lead-3', 'ROUGE-1')
console.log(
  `ROUGE-1 over TextRank: ${overTextRank.toFixed(2)} (aim ≥ ${TEXTRANK_AIM}); over Lead-3: ${overLead.toFixed(2)} (aim ≥ ${LEAD_AIM})`,
)
process.exit(overTextRank >= TEXTRANK_AIM && overLead >= LEAD_AIM ? 0 : 1)
