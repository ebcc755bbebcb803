/** The bundle of lessons: predictions and blind comparisons. */

import { h } from "preact";
import { Blind } from "./lesson/blind";
import { Predict } from "./lesson/predict";
import { createBlindStore, createPredictStore } from "./lesson/store";
import { widget } from "./mount";
import { createPainter } from "./painter";

export default widget("lesson", {
  predict(model, closed) {
    const store = createPredictStore(model, closed);
    return h(Predict, { store, painter: createPainter(store) });
  },
  blind(model, closed) {
    const store = createBlindStore(model, closed);
    return h(Blind, { store, painter: createPainter(store) });
  },
});
