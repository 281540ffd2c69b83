// The clock is always on: machine.cpp stops sleeping cores by not clocking them.
module cv32e40p_clock_gate (
    input  logic clk_i,
    input  logic en_i,
`ifdef MF_RI5CY
    input  logic test_en_i,
`else
    input  logic scan_cg_en_i,
`endif
    output logic clk_o
);
  assign clk_o = clk_i;
endmodule
