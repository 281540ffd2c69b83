/* The emitted header's conversions of real values as functions of the host's library. */
#include <stdint.h>

#include MF_HEADER

void mf_harness_quantize(const float *x, int8_t *in, int32_t count);
void mf_harness_dequantize(const int8_t *out, float *y, int32_t count);

#if defined(MF_PORTS)
void mf_harness_quantize(const float *x, int8_t *in, int32_t count) {
  mf_ports_quantize(x, in, 0, count);
}

void mf_harness_dequantize(const int8_t *out, float *y, int32_t count) {
  mf_ports_dequantize(out, y, 0, count);
}
#else
#if defined(MF_QUANTIZE)
void mf_harness_quantize(const float *x, int8_t *in, int32_t count) {
  MF_QUANTIZE(x, in, count);
}
#endif

#if defined(MF_DEQUANTIZE)
void mf_harness_dequantize(const int8_t *out, float *y, int32_t count) {
  MF_DEQUANTIZE(out, y, count);
}
#endif
#endif
