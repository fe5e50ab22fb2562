/** What callers of `__name__` know of it. A client imports this file and no server code. */
export interface __Class__Contract {
  create__Entity__(input: { name: string }): Promise<__Entity__>;
  get__Entity__(input: { id: string }): Promise<__Entity__>;
  list__Entities__(): AsyncIterable<__Entity__>;
}

export interface __Entity__ {
  id: string;
  name: string;
}
