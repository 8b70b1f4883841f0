// `lazaret.window`: windows of the display that the policy grants, which the engine asks.
(function () {
const { core, primordials } = __bootstrap;
const { JSONParse, NumberIsSafeInteger, ObjectFreeze, TypeError } = primordials;
const {
  op_lazaret_window_close,
  op_lazaret_window_focus,
  op_lazaret_window_list,
  op_lazaret_window_move,
} = core.ops;

// Which of the four a move says, as `window_ops.rs` has them.
const X = 1;
const Y = 2;
const WIDTH = 4;
const HEIGHT = 8;

function whole(value, least, most, name) {
  if (!NumberIsSafeInteger(value) || value < least || value > most) {
    throw new TypeError("`" + name + "` must be a whole number from " + least + " to " + most);
  }
  return value;
}

function number(id) {
  return whole(id, 0, 4294967295, "id");
}

// `kit` has what `host.js` shares.
function windows({ inCall }) {
  async function list() {
    return JSONParse(await inCall(op_lazaret_window_list));
  }

  async function focus(id) {
    await inCall(op_lazaret_window_focus, number(id));
  }

  async function move(id, shape) {
    const { x, y, width, height } = shape;
    let given = 0;
    const place = (value, bit, name) => {
      if (value === undefined) return 0;
      given |= bit;
      return whole(value, -32768, 32767, name);
    };
    const size = (value, bit, name) => {
      if (value === undefined) return 0;
      given |= bit;
      return whole(value, 1, 32767, name);
    };
    await inCall(
      op_lazaret_window_move,
      number(id),
      place(x, X, "x"),
      place(y, Y, "y"),
      size(width, WIDTH, "width"),
      size(height, HEIGHT, "height"),
      given,
    );
  }

  async function close(id) {
    await inCall(op_lazaret_window_close, number(id));
  }

  return ObjectFreeze({ close, focus, list, move });
}

return { windows };
})();
