;;; SPDX-License-Identifier: Apache-2.0 OR MIT
;;;
;;; A compiler of arithmetic, for the test `mescc_tools`: it writes M1 source of a program for x86-64
;;; that computes each expression on the stack and prints the character with that code.

(mes-use-module (mes guile))

(define (line . words)
  (for-each (lambda (word) (display word) (display " ")) words)
  (newline))

(define (operation symbol)
  (cdr (assoc symbol '((+ . "ADD_rbx_to_rax") (- . "SUBTRACT_rbx_from_rax")
                       (* . "MULTIPLYS_rax_by_rbx_into_rax")))))

(define (compile expression)
  (if (number? expression)
      (line "LOAD_IMMEDIATE_rax" (string-append "%" (number->string expression)) "PUSH_RAX")
      (begin
        (compile (cadr expression))
        (compile (caddr expression))
        (line "POP_RBX" "POP_RAX" (operation (car expression)) "PUSH_RAX"))))

(define (compile-print expression)
  (compile expression)
  (line "COPY_rsp_to_rsi" "CALL_IMMEDIATE %FUNCTION_put" "POP_RAX"))

(define (program expressions)
  (line "DEFINE SUBTRACT_rbx_from_rax 4829D8")
  (line "DEFINE COPY_rsp_to_rsi 4889E6")
  (line ":_start")
  (for-each compile-print expressions)
  (line "LOAD_IMMEDIATE_rdi %0 LOAD_IMMEDIATE_rax %60 SYSCALL")
  (line ":FUNCTION_put")
  (line "LOAD_IMMEDIATE_rdi %1 LOAD_IMMEDIATE_rdx %1 LOAD_IMMEDIATE_rax %1 SYSCALL RETURN")
  (line ":ELF_data"))

(define (sum n) (if (= n 0) 0 (list '+ n (sum (- n 1)))))

(with-output-to-file "out/made.M1"
  (lambda ()
    (program (list (list '+ 5 (sum 12)) '(- (* 5 21) 4) '(+ 100 1) '(* 2 (* 5 10)) '(* 2 5)))))
