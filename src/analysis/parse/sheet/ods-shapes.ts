/** What lies over a sheet of OpenDocument, or is anchored to a cell of it. */
const SHAPES = new Set(
  'caption circle connector custom-shape ellipse frame line path polygon polyline rect regular-polygon'.split(
    ' ',
  ),
)
/** A chart or a formula: in a flat document it is inside, with tables and paragraphs of its own. */
const OBJECT = 'object'
const SPACE = /^(?:s|tab|line-break)$/

/** Reads the shapes of a sheet. Each function returns whether the element or text belongs to one. */
export class OdsShapes {
  #shapes = 0
  #objects = 0
  #isText = false
  #paragraphs: string[] = []

  open(name: string): boolean {
    if (name === OBJECT) this.#objects += 1
    if (this.#objects > 0) return true
    if (SHAPES.has(name)) this.#shapes += 1
    if (this.#shapes === 0) return false
    if (name === 'p') this.#paragraphs.push('')
    this.#isText = name === 'p' || this.#isText
    if (SPACE.test(name)) this.text(' ')
    return true
  }

  text(text: string): boolean {
    if (this.#objects === 0 && this.#isText) this.#paragraphs.push((this.#paragraphs.pop() ?? '') + text)
    return this.#objects > 0 || this.#shapes > 0
  }

  close(name: string): boolean {
    const isInside = this.#objects > 0 || this.#shapes > 0
    if (name === OBJECT) this.#objects -= 1
    else if (this.#objects === 0 && name === 'p') this.#isText = false
    else if (this.#objects === 0 && SHAPES.has(name)) this.#shapes -= 1
    return isInside
  }

  /** The paragraphs of the shapes that were closed since the last call. */
  take(): string[] {
    return this.#paragraphs.splice(0).map((text) => text.trim())
  }
}
