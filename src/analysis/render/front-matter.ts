import type { Report } from '../report.ts'

/** What YAML begins a Markdown file with: where the report comes from. Values are JSON, which is YAML. */
export function renderFrontMatter(report: Report, finishedAt: number): string {
  const { provenance, title, language, engine, model, keywords, usage } = report
  const fields: Record<string, unknown> = {
    title,
    language,
    source: provenance.source,
    source_name: provenance.name,
    source_url: provenance.url,
    canonical_url: provenance.canonical_url,
    author: provenance.author,
    published: provenance.published,
    publisher: provenance.publisher,
    media_type: provenance.media_type,
    sha256: provenance.sha256,
    recognised_pages: provenance.recognition?.pages ?? null,
    recognition_confidence: provenance.recognition?.confidence ?? null,
    engine,
    engine_version: provenance.engine_version,
    model,
    cost_usd: usage?.cost_usd ?? null,
    keywords,
    generated_by: 'headgate',
    generated_at: new Date(finishedAt).toISOString(),
  }
  const lines = Object.entries(fields)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
  return `---\n${lines.join('\n')}\n---\n\n`
}
