/** Something that people get wrong between the installation and a sign-in that works, and what they see then. */
export interface Mistake {
  /** What they did, for the page. */
  readonly mistake: string
  /** What they run first, and what therefore has to tell them. */
  readonly run: string
  /** Words of its output that name the cause; `…` stands for anything. */
  readonly cause: string
  /** Words that say what to do. */
  readonly fix: string
  /** Makes the mistake, and returns what the person reads. */
  see(): string | Promise<string>
}
