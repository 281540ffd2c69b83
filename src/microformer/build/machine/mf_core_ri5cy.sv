// One RI5CY core (XpulpV2) behind the ports that machine.cpp knows; see mf_core_cv32e40p.sv.
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
  riscv_core #(
      .PULP_SECURE (0),
      .USE_PMP     (0),
      .PULP_CLUSTER(1),
      .FPU         (0)
  ) core_i (
      .clk_i,
      .rst_ni,
      .clock_en_i         (1'b1),
      .test_en_i          (1'b0),
      .fregfile_disable_i (1'b1),
      .boot_addr_i        (32'h1C00_0080),
      .core_id_i,
      .cluster_id_i       (6'd0),
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
      .apu_master_gnt_i   (1'b0),
      .apu_master_valid_i (1'b0),
      .apu_master_result_i(32'd0),
      .apu_master_flags_i (5'd0),
      .irq_sec_i          (1'b0),
      .irq_software_i     (1'b0),
      .irq_timer_i        (1'b0),
      .irq_external_i     (1'b0),
      .irq_fast_i         (15'd0),
      .irq_nmi_i          (1'b0),
      .irq_fastx_i        (32'd0),
      .debug_req_i        (1'b0),
      .fetch_enable_i     (1'b1),
      .core_busy_o        (busy_o),
      .ext_perf_counters_i('0)
  );

  assign retire_o = core_i.id_valid & core_i.is_decoding;
  assign pc_o     = core_i.pc_id;
endmodule
