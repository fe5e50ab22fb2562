/** A first-in first-out buffer that grows by doubling, and of which some may be taken out of turn: that leaves a hole until its turn comes. */
export class JobRing<T> {
  /** Without holes. */
  size = 0;
  #items: (T | undefined)[] = new Array(64).fill(undefined);
  #head = 0;
  /** With holes; there is none at the head. */
  #length = 0;

  get first(): T | undefined {
    return this.#items[this.#head];
  }

  /** How far `newest` reaches. */
  get length(): number {
    return this.#length;
  }

  push(item: T): void {
    if (this.#length === this.#items.length) this.#grow();
    this.#items[(this.#head + this.#length++) & (this.#items.length - 1)] = item;
    this.size++;
  }

  /** The oldest. There must be one. */
  shift(): T {
    const item = this.#items[this.#head] as T;
    this.#drop();
    if (this.size !== this.#length) this.#close();
    return item;
  }

  /** Counted from the newest, which is 0. Undefined: a hole. */
  newest(back: number): T | undefined {
    return this.#items[this.#slot(back)];
  }

  /** Takes out what `newest(back)` is, which must be no hole. */
  remove(back: number): void {
    this.#items[this.#slot(back)] = undefined;
    this.size--;
    this.#close();
  }

  #slot(back: number): number {
    return (this.#head + this.#length - 1 - back) & (this.#items.length - 1);
  }

  #drop(): void {
    this.#items[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#items.length - 1);
    this.#length--;
    this.size--;
  }

  /** No hole stays at the head. */
  #close(): void {
    while (this.#length > this.size && this.#items[this.#head] === undefined) {
      this.#head = (this.#head + 1) & (this.#items.length - 1);
      this.#length--;
    }
  }

  #grow(): void {
    const items = this.#items;
    const ordered = [...items.slice(this.#head), ...items.slice(0, this.#head)];
    this.#items = ordered.concat(new Array(items.length).fill(undefined));
    this.#head = 0;
  }
}
