// One CV32E40P core (CORE-V PULP extensions) behind the ports that machine.cpp knows.
//
// Fetches and the clock never wait: the instruction memory grants always, and a core that sleeps
// in an event load is stopped from outside.
module mf_core (
    input  logic        clk_i,
    input  logic        rst_ni,
    input  logic [ 3:0] core_id_i,
    output logic        instr_req_o,
    input  logic        instr_rvalid_i,
    output logic [31:0] instr_addr_o,
    input  logic [31:0] instr_rdata_i,
    output logic        data_req_o,
    input  logic        data_gnt_i,
    input  logic        data_rvalid_i,
    output logic        data_we_o,
    output logic [ 3:0] data_be_o,
    output logic [31:0] data_addr_o,
    output logic [31:0] data_wdata_o,
    input  logic [31:0] data_rdata_i,
    output logic        retire_o,  // an instruction leaves decoding for good in this cycle
    output logic [31:0] pc_o,      // the one being decoded
    output logic        busy_o     // clear while nothing but an event load is under way
);
  logic asleep;

  cv32e40p_top #(
      .COREV_PULP   (1),
      .COREV_CLUSTER(1)
  ) top_i (
      .clk_i,
      .rst_ni,
      .pulp_clock_en_i    (1'b1),
      .scan_cg_en_i       (1'b0),
      .boot_addr_i        (32'h1C00_0080),
      .mtvec_addr_i       (32'h1C00_0000),
      .dm_halt_addr_i     (32'h1C00_0000),
      .hart_id_i          ({28'd0, core_id_i}),
      .dm_exception_addr_i(32'h1C00_0000),
      .instr_req_o,
      .instr_gnt_i        (1'b1),
      .instr_rvalid_i,
      .instr_addr_o,
      .instr_rdata_i,
      .data_req_o,
      .data_gnt_i,
      .data_rvalid_i,
      .data_we_o,
      .data_be_o,
      .data_addr_o,
      .data_wdata_o,
      .data_rdata_i,
      .irq_i              (32'd0),
      .debug_req_i        (1'b0),
      .fetch_enable_i     (1'b1),
      .core_sleep_o       (asleep)
  );

  assign busy_o   = ~asleep;
  assign retire_o = top_i.core_i.id_valid & top_i.core_i.is_decoding;
  assign pc_o     = top_i.core_i.pc_id;
endmodule
