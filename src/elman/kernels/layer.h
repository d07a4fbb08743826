// What a recurrent layer's kernels are handed; abi.py lists these two structs' fields in their order.
//
// Rows are packed: step t has the rows begin[t] .. begin[t + 1] - 1, the longest sequences first, N in all. A batch
// without lengths has B rows a step. H hidden units, G gates, P outputs (H without a projection).
#pragma once

#include <cstdint>

namespace elman {

template <class R>
struct Way {  // one direction; a pointer is null where the layer has no such thing
    int64_t reverse;
    // weights
    const R* weight_ih;  // (G*H, F)
    const R* bias_ih;    // (G*H)
    const R* weight_hh;  // (G*H, P), an sLSTM's (G*H, H / heads)
    const R* bias_hh;    // (G*H)
    const R* weight_hr;  // (P, H)
    const R* weight_ch;  // (3, H)
    const R* gain_ih;    // (G*H): layer norm of W_ih x
    const R* gain_hh;    // (G*H): and of W_hh h
    const R* gain_c;     // (H)
    const R* bias_c;     // (H)
    // masks
    const R* drop;    // (B, P)
    const R* zone_h;  // (N, P)
    const R* zone_c;  // (N, H)
    // states: h, c, and an sLSTM's n and m
    const R* first[4];  // (B, P), then (B, H)
    R* last[4];         // the same
    // what the forward pass writes, and the backward pass reads
    R* gates;       // (N, G*H): W_ih x + b_ih, and then the gates' activations
    R* y;           // (N, .) rows layer.y_stride apart
    R* cells[3];    // c, n and m at every step: (N, .) rows layer.cells_stride apart
    R* unreset;     // (N, H): a GRU's W_hn h + b_hn
    R* unprojected; // (N, H): o tanh(c) before the projection
    R* normal_ih;   // (N, G*H): W_ih x less its mean, over its deviation, with layer norm
    R* scale_ih;    // (N): one over that deviation
    R* normal_hh;   // (N, G*H): the same of W_hh h
    R* scale_hh;    // (N)
    // gradients coming in
    const R* d_y;        // (N, .) rows layer.y_stride apart
    const R* d_cells;    // (N, .) rows layer.cells_stride apart
    const R* d_last[4];  // (B, .) as `last`
    // gradients going out
    R* d_first[4];  // (B, .) as `first`
    R* d_x;         // (N, F)
    // of the weights, each task's share: (tasks, ...)
    R* d_weight_ih;     // (G*H, F)
    R* d_bias_ih;       // (G*H)
    R* d_weight_hh;     // as weight_hh
    R* d_bias_hh;       // (G*H)
    R* d_weight_hr;     // (P, H)
    R* d_weight_ch;     // (3, H)
    R* d_gain_ih;       // (G*H)
    R* d_gain_hh;       // (G*H)
    R* d_gain_c;        // (H)
    R* d_bias_c;        // (H)
};

template <class R>
struct Layer {
    int64_t steps, rows, inputs, hidden, outputs, heads;
    int64_t ways;
    int64_t tasks;  // each way's rows are dealt to this many tasks
    int64_t y_stride, cells_stride;
    int64_t training;    // whether a backward pass may follow
    int64_t activation;  // of the simple network: 0 tanh, 1 relu, 2 sigmoid
    int64_t reset_before;
    int64_t half;  // whether what products multiply is rounded to bfloat16; see amx.h
    double clip;   // 0 for none
    const int64_t* begin;  // (T + 1)
    const R* x;            // (N, F)
    Way<R> way[2];
};

}  // namespace elman
