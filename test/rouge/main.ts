import { createReadStream, existsSync, readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { summarise } from '../../src/analysis/write/extractive/summarise.ts'
import { surveyDocument, type Survey } from '../../src/analysis/write/extractive/survey.ts'
import { readText } from '../../src/analysis/parse/text/plain-text.ts'
import { METRICS, type Metric } from './metrics.ts'
import { confidence, mean } from './paired.ts'
import { textRank } from './text-rank.ts'

/**
 * `npm run test:rouge -- <folder or file.jsonl …>`: lines of `{"article": "…", "highlights": "…"}`, where an article
 * may be Markdown. The summary of the offline engine beside the first three sentences (Lead-3), the first sentences of
 * about as many words as it has (Lead), three sentences by TextRank, and as many of its sentences as make up about
 * the words of ours (TextRank=), all over the same whole sentences.
 */

const SENTENCES = 3
/** TextRank compares every sentence with every other. */
const MAX_RANKED = 600

type Choose = (survey: Survey, words: number) => string[]
const SYSTEMS = {
  headgate: ({ document, sentences, words, language }) =>
    summarise(document, sentences, { words, language, maxWords: Infinity }).sentences.map(({ text }) => text),
  'Lead-3': ({ sentences }) => sentences.slice(0, SENTENCES).map(({ text }) => text),
  Lead: ({ sentences, words }, wanted) => {
    let left = wanted
    return sentences
      .filter(({ text }) => {
        const count = words.of(text).length
        const fits = left === wanted || left >= count / 2
        left = fits ? left - count : 0
        return fits
      })
      .map(({ text }) => text)
  },
  TextRank: (survey) => inOrder(survey, rank(survey).slice(0, SENTENCES)),
  'TextRank=': (survey, wanted) => {
    const { sentences, words } = survey
    let left = wanted
    const best = rank(survey).filter((index) => {
      const count = words.of(sentences[index]?.text ?? '').length
      const fits = left === wanted || left >= count / 2
      left = fits ? left - count : 0
      return fits
    })
    return inOrder(survey, best)
  },
} satisfies Record<string, Choose>
type System = keyof typeof SYSTEMS
const ranked = new WeakMap<Survey, number[]>()

/** The sentences by TextRank, the best first. */
function rank(survey: Survey): number[] {
  const { sentences, words } = survey
  const known = ranked.get(survey)
  if (known !== undefined) return known
  const bags = sentences.slice(0, MAX_RANKED).map(({ text }) =>
    words
      .of(text)
      .filter((word) => words.isContent(word))
      .map((word) => words.stem(word)),
  )
  const ranks = textRank(bags)
  const order = [...ranks.keys()].sort((a, b) => (ranks[b] ?? 0) - (ranks[a] ?? 0))
  ranked.set(survey, order)
  return order
}

function inOrder({ sentences }: Survey, indices: readonly number[]): string[] {
  return indices.toSorted((a, b) => a - b).map((index) => sentences[index]?.text ?? '')
}

const systems = Object.keys(SYSTEMS) as System[]
const metrics = Object.keys(METRICS) as Metric[]

/** Of one system, a number for each text. */
type Scores = Record<Metric | 'words', number[]>

const paths = process.argv.slice(2)
if (paths.length === 0 || !paths.every((path) => existsSync(path))) {
  console.error('usage: npm run test:rouge -- <folder or file.jsonl, lines of article and highlights>')
  process.exit(2)
}
const files = paths.flatMap((path) => (statSync(path).isDirectory() ? filesIn(path) : [path]))
let isWorse = false
for (const file of files) isWorse = (await measure(file)) || isWorse
process.exit(isWorse ? 1 : 0)

function filesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .sort()
    .map((name) => join(folder, name))
}

/** Whether the summaries are worse than the first three sentences. */
async function measure(file: string): Promise<boolean> {
  const scores = Object.fromEntries(systems.map((system) => [system, emptyScores()])) as Record<
    System,
    Scores
  >
  let equal = 0
  for await (const line of createInterface({ input: createReadStream(file) })) {
    if (line.trim() === '') continue
    const { article, highlights } = JSON.parse(line) as { article: string; highlights: string }
    const survey = surveyDocument(readText(new TextEncoder().encode(article), 'utf-8'))
    let words = 0
    const made = systems.map((system) => {
      const summary = SYSTEMS[system](survey, words).join('\n')
      if (system === 'headgate') words = survey.words.of(summary).length
      scores[system].words.push(survey.words.of(summary).length)
      for (const metric of metrics) scores[system][metric].push(METRICS[metric](summary, highlights))
      return summary
    })
    if (made[systems.indexOf('headgate')] === made[systems.indexOf('Lead-3')]) equal += 1
  }
  return print(file, scores, equal)
}

function emptyScores(): Scores {
  const entries = [...metrics, 'words' as const].map((name) => [name, []] as const)
  return Object.fromEntries(entries) as unknown as Scores
}

function print(file: string, scores: Record<System, Scores>, equal: number): boolean {
  const count = scores.headgate.words.length
  const share = ((100 * equal) / count).toFixed(0)
  const row = (cells: readonly string[]) => console.log(cells.map((cell) => cell.padEnd(10)).join(''))
  console.log(
    `\n${basename(file)}: ${count} texts, ${share} % of the summaries are the first three sentences`,
  )
  row(['', ...metrics, 'words'])
  for (const system of systems) {
    const means = metrics.map((metric) => (100 * mean(scores[system][metric])).toFixed(2))
    row([system, ...means, mean(scores[system].words).toFixed(0)])
  }
  const ours = scores.headgate['ROUGE-1']
  for (const other of systems.filter((system) => system !== 'headgate')) {
    const differences = ours.map((score, index) => 100 * (score - (scores[other]['ROUGE-1'][index] ?? 0)))
    const [low, high] = confidence(differences).map((bound) => bound.toFixed(2))
    console.log(`ROUGE-1 over ${other}: ${mean(differences).toFixed(2)} (95 %: ${low} to ${high})`)
  }
  return mean(ours) < mean(scores['Lead-3']['ROUGE-1'])
}
