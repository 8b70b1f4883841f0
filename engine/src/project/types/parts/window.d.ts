// ----- windows of the display that its policy grants -----

declare namespace lazaret {
  interface Window {
    /** Its number, for the functions below. */
    id: number;
    /** What its program says: 256 characters at most. */
    title: string;
    /** Likewise; empty where it says none. */
    class: string;
    x: number;
    y: number;
    width: number;
    height: number;
    /** It takes what is typed. */
    focused: boolean;
  }
  const window: {
    list(): Promise<Window[]>;
    focus(id: number): Promise<void>;
    move(id: number, shape: { x?: number; y?: number; width?: number; height?: number }): Promise<void>;
    /** Asks it to close, which it may do or not. */
    close(id: number): Promise<void>;
  };
}
