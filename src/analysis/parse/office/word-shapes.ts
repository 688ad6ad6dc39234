/** Of the forms of a shape for newer and for older programs (ECMA-376 part 3, 7.5), and of text boxes in them. */
const TAG = /<(\/?)(mc:AlternateContent|mc:Choice|mc:Fallback|w:txbxContent)(?=[\s/>])[^<>]{0,1000}>/g
const CHOICE = 'mc:Choice'
const FALLBACK = 'mc:Fallback'
/** What is around a text box: drawings (ECMA-376, 20.4), and shapes (part 4, 19.1) that the converter does not know. */
const AROUND =
  /<(\/?)(?:wp:anchor|wp:inline|a:graphic|a:graphicData|wpg:wgp|wpg:grpSp|wpc:wpc|wps:wsp|wps:txbx|v:arc|v:curve|v:image|v:line|v:oval|v:polyline)(?=[\s/>])/g
const DRAWING = /<(\/?)w:drawing(?=[\s/>])/g
/** A text that is a shape itself (WordArt). */
const TEXT_PATH = /<v:textpath\s[^<>]{0,2000}?\bstring="([^"<>]{0,2000})"[^<>]{0,2000}\/>/g

/**
 * The text of a Word document with the text boxes of drawings, and texts that are shapes, as the converter reads text boxes:
 * those of older programs. Pictures are lost by it, and not read.
 */
export function simplifyShapes(xml: string): string {
  return chooseForms(xml)
    .replace(DRAWING, '<$1w:pict')
    .replace(AROUND, '<$1w:smartTag')
    .replace(TEXT_PATH, '<w:txbxContent><w:p><w:r><w:t>$1</w:t></w:r></w:p></w:txbxContent>')
}

interface Tag {
  /** Of the name in it. */
  readonly at: number
  readonly name: string
}

/** One form of a shape. */
interface Form {
  readonly name: string
  readonly tags: Tag[]
  hasBox: boolean
}

/**
 * The converter reads the form for older programs, which may be missing, or only a picture: a form with a text box in it takes
 * its place.
 */
function chooseForms(xml: string): string {
  /** Shapes may be inside of each other. */
  const open: Form[][] = []
  const renamed: Tag[] = []
  for (const { 1: slash = '', 2: name = '', index } of xml.matchAll(TAG)) {
    const tag = { at: index + 1 + slash.length, name }
    if (name === CHOICE || name === FALLBACK) {
      if (slash === '') open.at(-1)?.push({ name, tags: [tag], hasBox: false })
      else open.at(-1)?.at(-1)?.tags.push(tag)
    } else if (name === 'w:txbxContent') markBox(open)
    else if (slash === '') open.push([])
    else renamed.push(...exchange(open.pop() ?? []))
  }
  const parts: string[] = []
  let from = 0
  for (const { at, name } of renamed.toSorted((a, b) => a.at - b.at)) {
    parts.push(xml.slice(from, at), name === CHOICE ? FALLBACK : CHOICE)
    from = at + name.length
  }
  return parts.join('') + xml.slice(from)
}

/** Those around a form that has a box already have one too. */
function markBox(open: readonly (readonly Form[])[]): void {
  for (let at = open.length - 1; at >= 0; at -= 1) {
    const form = open[at]?.at(-1)
    if (form?.hasBox === true) return
    if (form !== undefined) form.hasBox = true
  }
}

/** The tags of the form that is to be read and of the one that was, which change their names. */
function exchange(forms: readonly Form[]): Tag[] {
  const older = forms.find(({ name }) => name === FALLBACK)
  const chosen = forms.find(({ name, hasBox }) => name === CHOICE && (hasBox || older === undefined))
  return chosen === undefined ? [] : [...chosen.tags, ...(older?.tags ?? [])]
}
